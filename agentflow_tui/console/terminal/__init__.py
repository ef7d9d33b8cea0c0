"""The terminal: what it sends, cut into whole keys, and what it is sent, cut to what changed."""
