"""`thinkimg weights` and `thinkimg doctor`."""
