"""Imported first by whatever imports torch: where torch is missing, one message says how to get it."""

from myelin.hw_configs.parts import require

require("torch")
