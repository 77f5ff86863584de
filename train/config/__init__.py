"""Configuration of a training run: frozen, validated values and the files that they come from."""
