"""Layout of a network on neurocores: the number of cores, the binding resource, and the load and traffic of each core."""
