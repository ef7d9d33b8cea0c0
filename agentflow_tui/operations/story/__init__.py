"""The story of a row: what happened around it, in all tables, in the order of time."""
