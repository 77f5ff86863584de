"""The conformance page: files of other tools, each compared with the simulation of the tool that wrote it."""
