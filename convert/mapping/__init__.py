"""Layout of a network on neurocores: how many, what binds, what they hold and send."""
