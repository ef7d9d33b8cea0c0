"""The colours of a digest, which are read on white and on black paper alike."""

GOOD, FAIR, LOW = "#1f7a4d", "#9a6b00", "#5b6675"
"""A score of 75 and more, of 50 and more, and below."""

ABOVE, BELOW = "#3d7fc4", "#c53d3d"
"""Bars above and below zero."""
