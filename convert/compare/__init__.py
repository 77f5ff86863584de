"""Two networks, or two runs, side by side: where they first diverge and why."""
