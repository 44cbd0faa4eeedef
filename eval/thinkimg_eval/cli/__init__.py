"""`thinkimg eval`."""
