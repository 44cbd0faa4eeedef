"""Running a task: every question an episode, all of it on disk as it comes."""
