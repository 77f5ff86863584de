"""Types of arguments that several commands take; each says in one line what it allows."""

from __future__ import annotations

import argparse


def count(text: str) -> int:
    """A whole number of 0 or more."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    if count(text) < 1:
        raise argparse.ArgumentTypeError("1 or more is allowed")
    return int(text)


def density(text: str) -> float:
    """A share above 0, up to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share above 0, up to 1")
    return value


def percent_points(text: str) -> float:
    """A number of percent points, 0 to 100."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of percent points in 0..100")
    return value
