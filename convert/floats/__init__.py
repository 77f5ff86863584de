"""Float networks, their sources, and their reference simulator."""
