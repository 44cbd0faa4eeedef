"""What an episode is worth: parts that are functions of a trajectory, and their weighted sum."""
