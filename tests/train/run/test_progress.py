"""The bar of training: batches and loss within an epoch, on a terminal alone."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from myelin.train.run import progress


class Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self):
        return True


def trained(stream, monkeypatch, *, shown=True):
    """What two epochs of two batches show on ``stream``."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "_REDRAWN_S", 0.0)
    bar = progress.EpochBar(3, 5, shown=shown)
    for epoch in bar:
        bar.batch(1, 2, 0.75)
        bar.batch(2, 2, 0.5)
        bar.epoch(SimpleNamespace(epoch=epoch, loss=0.5, validation="91.00 %"))
    bar.close()
    return stream.getvalue()


def test_a_terminal_shows_batches_and_the_loss_so_far(monkeypatch):
    shown = trained(Terminal(), monkeypatch)
    assert "batch 1 of 2, loss 0.750" in shown and "batch 2 of 2, loss 0.500" in shown
    assert "batch 1 of 2, loss 0.750; epoch 3: validation 91.00 %" in shown
    assert "loss 0.500, validation 91.00 %" in shown and "5/5" in shown


def test_nothing_is_shown_off_a_terminal_or_when_quiet(monkeypatch):
    assert trained(io.StringIO(), monkeypatch) == ""
    assert trained(Terminal(), monkeypatch, shown=False) == ""
