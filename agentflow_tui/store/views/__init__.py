"""What each screen shows: its row types, its listings, and the statements behind its numbers."""
