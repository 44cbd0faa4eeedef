"""What a call costs, against yardsticks that do the same work. `python -m bench`."""
