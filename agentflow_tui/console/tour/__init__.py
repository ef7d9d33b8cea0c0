"""The tour of the sample data: a calm bar above the key bar, offered once, left at any moment."""
