"""What the benchmarks of training compare: layers and blocks of ours and of others."""
