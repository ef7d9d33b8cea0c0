"""Lists of any length: the grid, its window of pages, and the views built around it."""
