"""User-facing errors: each has one message with the object, the value it got, what is allowed and a cure."""

from __future__ import annotations


class MyelinError(Exception):
    """Base of all errors caused by input or usage; the command line prints it as one line and exits with ``exit_code``, 2."""

    exit_code = 2
    #: Whether another process of the same run has printed the reason; this one then exits silently.
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
    """A backend is not installed, failed or hung."""


class MissingPartError(BackendError):
    """An optional part is needed and not installed; see ``myelin.hw_configs.parts``."""


class GateError(MyelinError):
    """A check failed: hardware rules are broken or validation lost too much accuracy."""

    exit_code = 1
