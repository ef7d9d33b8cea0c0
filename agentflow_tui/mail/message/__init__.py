"""Composing a message: addresses, headers, bodies, attachments."""
