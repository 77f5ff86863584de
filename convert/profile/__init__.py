"""Profile of a network on an input: spikes, operations, ranges of its states."""
