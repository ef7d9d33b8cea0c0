"""Errors and other issues: grouped, and what operators decided about them."""
