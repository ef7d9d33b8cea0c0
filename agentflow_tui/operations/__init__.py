"""What can be done to rows, and what can be said about them."""
