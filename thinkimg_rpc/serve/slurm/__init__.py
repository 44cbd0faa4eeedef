"""Workers as SLURM jobs: submitted, followed, submitted again, cancelled."""
