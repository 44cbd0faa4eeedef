"""`thinkimg ask`, `view` and `trajectory`."""
