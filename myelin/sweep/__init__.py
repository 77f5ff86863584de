"""Sweeps: many training runs from one file, their processes, tables and plots."""
