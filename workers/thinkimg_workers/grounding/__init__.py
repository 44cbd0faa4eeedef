"""Finding what a text describes: the detectors behind GroundingDINO and Point."""
