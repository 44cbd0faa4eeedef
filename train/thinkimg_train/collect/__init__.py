"""Collecting: trajectories of a teacher that are right, and say where they come from."""
