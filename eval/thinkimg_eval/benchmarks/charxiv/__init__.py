"""CharXiv: descriptive and reasoning questions about figures of scientific papers."""
