"""What needs somebody's attention, and what has been seen to."""
