"""Names of the backends on the command line, and how many samples run where each takes seconds."""

#: ``--backend`` -> backend of ``myelin.lava_models.run``; the simulator has none.
BACKENDS = {"fast": None, "lava": "cpu", "loihi2": "loihi2"}
#: ``diff --backends`` -> the same, and whether Lava's own process models run.
DIFF_BACKENDS = {"fast": (None, False), "lava": ("cpu", False), "lava-stock": ("cpu", True), "loihi2": ("loihi2", False)}
#: Samples that run in Lava, unless the user says.
DEFAULT_LAVA_SAMPLES = 5
