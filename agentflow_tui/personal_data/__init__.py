"""Customers' personal data in reports: which columns hold it, masked and removed."""
