"""What is fast, against what, measured side by side in one run.  Not installed: run from a checkout."""
