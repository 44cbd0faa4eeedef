"""Pointing at what a text describes: the pointers behind Point."""
