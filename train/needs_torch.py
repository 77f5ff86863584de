"""Import this before torch: if torch is missing, it raises one message with the command that installs it."""

from myelin.hw_configs.parts import require

require("torch")
