"""Networks from torch modules: our blocks, lava-dl's SLAYER blocks, and modules of other packages through NIR."""
