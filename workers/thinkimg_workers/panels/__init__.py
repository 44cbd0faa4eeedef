"""The panels of a figure: where they are, what they are called, which of them is meant."""
