"""The picture of an exploration: looked up in the figure that is drawn."""

from __future__ import annotations

import pytest

from myelin.convert.explore import plot


def point(accuracy, **more):
    ends = {"difference_low_points": -4.0, "difference_high_points": 2.0}
    return {"accuracy_percent": accuracy, "broken_rules": [], **ends, **more}


def result(accuracies):
    bits = [point(accuracy, value=place + 2) for place, accuracy in enumerate(accuracies)]
    grid = [point(accuracies[-1], value=2**place) for place in range(3)]
    knobs = [("weight_bits", "bits", bits), ("delay_grid_steps", "steps", grid)]
    pareto = [
        point(accuracies[-1], core_memory_bytes=1024 * (weight + delay), weight_bits=weight, delay_bits=delay, best=weight > 3)
        for weight in (2, 4) for delay in (3, 4, 5)
    ]  # fmt: skip
    return {
        "knobs": [{"name": name, "unit": unit, "points": points} for name, unit, points in knobs],
        "pareto": pareto, "exported": {"accuracy_percent": accuracies[-1]}, "samples": 200, "target": "loihi2",
        "memory_label": "estimate",
    }  # fmt: skip


@pytest.mark.parametrize("accuracies", [(20.0, 60.0, 80.0), (20.0, 90.0, 98.0)])
def test_all_panels_have_one_scale(accuracies, tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(plot, "_save", lambda figure, path: figures.append(figure))
    plot.exploration(tmp_path / "explore.png", result(accuracies))
    first, second, memory = figures[0].axes
    assert first.get_ylim() == second.get_ylim() == memory.get_ylim()
    assert first.get_yscale() == second.get_yscale() == memory.get_yscale()
    assert first.get_ylim()[0] <= 20 and accuracies[-1] < first.get_ylim()[1]
    assert first.get_ylabel().startswith("accuracy (%)") and second.get_ylabel() == ""
    lines = memory.get_lines()
    assert len({line.get_color() for line in lines}) == len(lines) == 4  # 3, 4 and 5 delay bits, and the best
