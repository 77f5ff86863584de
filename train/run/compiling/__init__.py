"""Compiles the loops that a run needs before its first step, side by side in processes of their own."""
