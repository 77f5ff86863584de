"""Benchmarks that measure Myelin and its peers side by side in one run.  Not installed: run them from a checkout."""
