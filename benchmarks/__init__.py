"""What is measured, as ratios inside one run. Each module is a program and prints a table."""
