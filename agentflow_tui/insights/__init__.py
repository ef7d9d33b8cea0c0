"""What a report says beyond its rows: candidates tested, corrected for their number, scored."""
