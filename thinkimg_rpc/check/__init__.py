"""Whether a running mesh answers right: every tool at every worker, on a picture known here."""
