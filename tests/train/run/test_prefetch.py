"""One item ahead: the same items in the same order, errors in their place, nothing left running."""

from __future__ import annotations

import threading
import time

import pytest

from myelin.train.run.prefetch import prefetch


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
