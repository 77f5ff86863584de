"""The errors a user sees: one message each, naming the object, what was got, what is allowed and the cure."""

from __future__ import annotations


class MyelinError(Exception):
    """Base of every error caused by input or usage; the command line prints it as one line and exits with 2."""

    exit_code = 2
    #: Whether another process of the same run has printed why; then this one leaves silently.
    told = False


class ConfigError(MyelinError):
    """A training configuration or a setting is wrong."""


class DataError(MyelinError):
    """A data file or an array of spikes cannot be used."""


class NetworkError(MyelinError):
    """A network, or the file it came from, is not a valid integer network."""


class TargetError(MyelinError):
    """A hardware target is unknown or its description is wrong."""


class BackendError(MyelinError):
    """A backend is not installed, or it failed or hung while running."""


class MissingPartError(BackendError):
    """A part that a plain install leaves out is needed; see ``myelin.hw_configs.parts``."""


class GateError(MyelinError):
    """A gate said no: hardware rules are broken or validation lost too much accuracy."""

    exit_code = 1
