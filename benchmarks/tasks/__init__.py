"""What learned delays are worth on three public tasks, with controls: one plan a task, one command a table."""
