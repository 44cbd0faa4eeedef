"""`thinkimg train`."""
