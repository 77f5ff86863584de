"""One item ahead: the same items in the same order, errors in their place, nothing left running."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch

from myelin.train.run import prefetch as module
from myelin.train.run.prefetch import prefetch, prefetch_to


def test_items_come_in_order_and_one_is_made_while_the_last_is_used():
    made = []

    def source():
        for i in range(5):
            made.append((i, threading.current_thread().name))
            yield i

    used = []
    for item in prefetch(source()):
        deadline = time.monotonic() + 10
        while len(made) < min(5, item + 2) and time.monotonic() < deadline:
            time.sleep(0.001)
        used.append(item)
        assert len(made) == min(5, item + 2)  # one ahead, no more
    assert used == [0, 1, 2, 3, 4]
    assert {name for _, name in made} == {"prefetch_0"}


def test_an_error_comes_in_its_place():
    def source():
        yield 1
        raise ValueError("two")

    items = prefetch(source())
    assert next(items) == 1
    with pytest.raises(ValueError, match="two"):
        next(items)


@pytest.mark.parametrize("values", [[], [None, None]])
def test_nothing_and_none_are_items_like_others(values):
    assert list(prefetch(iter(values))) == values


def test_who_leaves_early_leaves_no_thread():
    before = threading.active_count()
    items = prefetch(iter(range(10)))
    assert next(items) == 0
    items.close()
    assert threading.active_count() == before


class Item(NamedTuple):
    spikes: Any
    labels: Any


def test_a_device_without_streams_gets_its_spikes_when_they_are_used():
    items = list(prefetch_to(torch.device("meta"), iter([Item(torch.ones(2), "labels")])))
    assert items[0].spikes.is_meta and items[0].labels == "labels"


def test_spikes_are_on_a_gpu_before_the_step_that_uses_them(monkeypatch):
    """What is asked of CUDA, by which thread: the copy in the background on its own stream, the wait on the step's stream."""
    told, gpu = [], torch.device("cuda")

    def note(what):
        told.append((what, threading.current_thread().name.startswith("prefetch")))

    class Spikes:
        def pin_memory(self):
            note("pin")
            return self

        def to(self, device, *, non_blocking):
            assert device == gpu and non_blocking
            note("copy")
            return self

        def record_stream(self, stream):
            note(f"used by {stream.name}")

    @contextmanager
    def stream(which):
        note(f"on {which.name}")
        yield

    current = SimpleNamespace(name="current", wait_event=lambda event: note("wait"))
    monkeypatch.setattr(
        module,
        "cuda",
        SimpleNamespace(
            Stream=lambda device: SimpleNamespace(name="own"),
            stream=stream,
            Event=lambda: SimpleNamespace(record=lambda stream: note(f"copied by {stream.name}")),
            current_stream=lambda device: current,
        ),
    )
    items = prefetch_to(gpu, iter([Item(Spikes(), "labels")]))
    assert next(items).labels == "labels"
    expected = [("on own", True), ("pin", True), ("copy", True), ("copied by own", True), ("wait", False)]
    assert told == [*expected, ("used by current", False)]
    assert list(items) == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is there")
def test_a_gpu_gets_the_same_spikes_in_the_same_layout():
    values = [torch.rand(5, 3, 4).permute(1, 2, 0) for _ in range(3)]
    items = list(prefetch_to(torch.device("cuda"), (Item(value, None) for value in values)))
    for item, value in zip(items, values, strict=True):
        assert torch.equal(item.spikes.cpu(), value) and item.spikes.stride() == value.stride()
