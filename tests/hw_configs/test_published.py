"""Published measurements: every field of each, and a source."""

from __future__ import annotations

from myelin.hw_configs.published import measurements


def test_measurements_are_complete():
    found = measurements()
    assert [(entry.time_ms, entry.energy_mj) for entry in found] == [(1.54, 0.36), (1.46, 0.46), (27.85, 93.3)]
    assert all(text.strip() for entry in found for text in (entry.network, entry.task, entry.hardware, entry.condition))
    assert {entry.source.split(", ")[-1] for entry in found} == {"arXiv 2510.13757"}
