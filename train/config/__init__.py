"""Configuration of a training run: frozen, validated values, read from files."""
