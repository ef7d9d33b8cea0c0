"""Dialogs: pick one, type something, read something, confirm a change."""
