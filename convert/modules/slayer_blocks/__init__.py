"""What all blocks of lava-dl's SLAYER share, whatever their neurons: attributes, weights, geometry and delays."""
