"""What runs a network: the simulator, Lava on the CPU, or a board."""
