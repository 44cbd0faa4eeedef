"""Supervised and reinforcement training on trajectories. Nothing is here yet."""
