"""The classes of neurons of lava-dl's SLAYER that can be read, one file and one line of the registry for each."""
