"""The console's command line, palette and help, and what only they can do."""
