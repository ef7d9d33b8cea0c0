"""What workers claim, lease, finish and give back: mail, workflows, schedules, checks."""
