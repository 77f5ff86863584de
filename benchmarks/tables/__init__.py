"""The tables of docs/benchmarks.md."""
