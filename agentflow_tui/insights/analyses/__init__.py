"""What a report is asked: one module for each kind of question."""
