"""What the vendors report, and what the insight generator finds in it."""
