"""What trainers make small: pure functions of log-probabilities."""
