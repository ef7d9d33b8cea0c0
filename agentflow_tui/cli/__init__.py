"""The command line: parsing and printing. No SQL here."""

INTERRUPTED = 130
"""The exit code of a command that was stopped by hand."""
