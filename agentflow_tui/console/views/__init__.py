"""The kinds of views that screens are made of."""
