"""Names of the backends on the command line, and the default number of samples in slow ones."""

#: ``--backend`` -> backend of ``myelin.lava_models.run``; None for the simulator.
BACKENDS = {"fast": None, "lava": "cpu", "loihi2": "loihi2"}
#: ``diff --backends`` -> the same, and whether to use Lava's own process models; ``c``: the generated C.
DIFF_BACKENDS = {
    "fast": (None, False),
    "c": ("c", False),
    "lava": ("cpu", False),
    "lava-stock": ("cpu", True),
    "loihi2": ("loihi2", False),
}
#: Default number of samples in Lava, where each takes seconds.
DEFAULT_LAVA_SAMPLES = 5
