"""Runs of these tests draw nothing: a drawing takes longer than their epochs."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    """Without the plots of a run."""
    from myelin.train.run.logger import RunLogger

    monkeypatch.setattr(RunLogger, "draw", lambda self: None)
