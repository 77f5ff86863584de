"""Pictures of a run show what they are given: looked up in the figure that is drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest

from myelin.hw_configs.errors import DataError
from myelin.train.run import plots


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved, in order."""
    saved = []
    real = plots.save
    monkeypatch.setattr(plots, "save", lambda drawing, path: (saved.append(drawing), real(drawing, path)))
    return saved


def _row(epoch, accuracy, rounded, exportable=True):
    return {
        "epoch": epoch, "loss": 1.0, "train_accuracy": 0.5, "validation_accuracy": accuracy, "delays_rounded": rounded,
        "exportable": exportable, "rates_per_step": [0.1, 0.2, 0.0],
    }  # fmt: skip


def test_learning_curve_marks_the_exported_epoch(figures, tmp_path):
    """The best of the exportable ones, and of equally good ones the last, as the training loop keeps it."""
    rows = [_row(0, 0.9, False, False), _row(1, 0.95, True, False), _row(2, 0.8, True), _row(3, 0.8, True), _row(4, 0.6, True)]
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    plots.learning_curve(tmp_path / "learning.png", metrics)
    upper, lower, activity = figures[0].axes
    point = upper.get_lines()[2]
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (3, 80.0)
    assert point.get_label() == "exported: epoch 3, 80.0 %"
    assert [line.get_ydata()[0] for line in activity.get_lines()] == [0.1, 0.2]
    assert (upper.get_ylabel(), lower.get_ylabel(), activity.get_xlabel()) == (
        "accuracy (%), stretched",
        "loss (nats)",
        "epoch",
    )


@pytest.mark.parametrize(("best", "label"), [(0.6, "accuracy (%)"), (1.0, "accuracy (%), stretched")])
def test_the_axis_is_stretched_where_accuracies_come_close_to_the_whole(best, label, figures, tmp_path):
    """Half of the axis is then left for the last ten points, and the marks stand where their values are."""
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text("".join(json.dumps(_row(epoch, value, True)) + "\n" for epoch, value in enumerate((0.03, best))))
    plots.learning_curve(tmp_path / "learning.png", metrics)
    upper = figures[0].axes[0]
    assert upper.get_ylabel() == label
    if best == 1.0:
        low, middle, high = (upper.transData.transform((0, value))[1] for value in (0, 90, 100))
        assert 0.4 < (high - middle) / (high - low) < 0.6
        assert [text.get_text() for text in upper.get_yticklabels()] == ["0", "20", "50", "80", "90", "95", "98", "99", "100"]


def test_learning_curve_of_traces_marks_the_smallest_error(figures, tmp_path):
    rows = []
    for epoch, error in enumerate((0.3, 0.1, 0.2)):
        row = _row(epoch, 0.5, True) | {"train_error": 0.4, "validation_error": error}
        rows.append({name: value for name, value in row.items() if not name.endswith("_accuracy")})
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    plots.learning_curve(tmp_path / "learning.png", metrics)
    upper, lower, _ = figures[0].axes
    point = upper.get_lines()[2]
    assert (point.get_xdata()[0], point.get_ydata()[0], point.get_label()) == (1, 0.1, "exported: epoch 1, 0.1")
    assert (upper.get_ylabel(), lower.get_ylabel()) == ("mean squared error", "loss")


@pytest.mark.parametrize("content", [None, "", "{", "[1]\n", '{"epoch": 1}\n'])
def test_learning_curve_refuses_damaged_metrics(content, tmp_path):
    metrics = tmp_path / "metrics.jsonl"
    if content is not None:
        metrics.write_text(content)
    with pytest.raises(DataError, match="is not a run's metrics"):
        plots.learning_curve(tmp_path / "learning.png", metrics)
    assert not (tmp_path / "learning.png").exists()


def test_delay_histograms_count_before_and_after(figures, tmp_path):
    before, now = {"layer 0": np.array([0.0, 0.2, 5.0])}, {"layer 0": np.array([1.0, 1.2, 8.0])}
    plots.delay_histograms(tmp_path / "delays.png", before, now)
    (axis,) = figures[0].axes
    assert axis.get_title(loc="left") == "layer 0: moved 1.7 steps on average"
    counts = [patch.get_height() for patch in axis.patches if patch.get_label() != "now"][:9]
    assert counts[:6] == [2, 0, 0, 0, 0, 1]
    assert (tmp_path / "delays.png").read_bytes().startswith(b"\x89PNG")


def test_a_network_without_delays_has_a_picture_too(figures, tmp_path):
    plots.delay_histograms(tmp_path / "delays.png", {}, {})
    assert figures[0].axes[0].texts[0].get_text() == "no delays in this network"
