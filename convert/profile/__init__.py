"""What a network does with an input: spikes, operations, ranges of its states."""
