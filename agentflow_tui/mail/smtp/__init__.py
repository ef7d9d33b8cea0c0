"""Handing messages to an SMTP relay."""
