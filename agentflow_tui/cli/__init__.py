"""The command line: parsing and printing. No SQL here."""
