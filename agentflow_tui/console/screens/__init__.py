"""The screens, each a declaration: what it shows, where it comes from, what it says when empty."""
