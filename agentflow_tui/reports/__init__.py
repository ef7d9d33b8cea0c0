"""Vendor reports: files of strangers read as tables, with types, totals and what was left out."""
