"""What can be changed in rows, declared beside the rows' nouns, and the statements that do it."""
