"""The scheduler: fires schedules when they are due."""
