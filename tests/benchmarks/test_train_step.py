"""A training step beside its competitors, at a size where nothing is measured."""

from dataclasses import replace

import pytest

from benchmarks import train_step
from benchmarks.memory import growth_mb
from benchmarks.training import training_blocks
from benchmarks.training.training_layers import Point

SIZES = replace(train_step.QUICK, neurons=(8, 12), lags=(6, 9), judged=Point("dense", 12, 9, 20, 2))


@pytest.mark.lava
def test_every_pair_of_sizes_is_run_against_the_right_peers():
    found = train_step.points(SIZES, "dense")
    assert {(point.neurons, point.lags) for point in found} == {(8, 6), (8, 9), (12, 6), (12, 9)}
    assert all(train_step.peers(point, SIZES.judged)[:2] == ["published", "rearranged"] for point in found if point.lags == 9)
    assert train_step.peers(replace(SIZES.judged, lags=6), SIZES.judged) == ["published"]
    assert train_step.peers(replace(SIZES.judged, recurrence="conv"), SIZES.judged) == ["published"]


def test_a_point_is_measured_and_drawn(tmp_path):
    points = [
        train_step.measure(point, ["published"], 2, SIZES, blas=1.0)
        for recurrence in ("dense", "conv")
        for point in train_step.points(SIZES, recurrence)[2:]
    ]
    dense, conv = points[1], points[3]
    assert (dense["recurrence"], conv["recurrence"], dense["neurons"], dense["lags"]) == ("dense", "conv", 12, 9)
    assert set(dense["checked"]) == {"spread", "rounded"}
    (row,) = dense["rows"]
    assert row["ours_is_faster"]["low"] <= row["ours_is_faster"]["median"] <= row["ours_is_faster"]["high"]
    flop = 6 * 2 * 20 * 12 * 12
    assert dense["ours_share_of_blas"] == pytest.approx(1e-9 * flop / dense["ours_seconds"]["median"], rel=0.01)
    assert "ours_share_of_blas" not in conv
    picture = tmp_path / "train_step.png"
    train_step.plot(picture, {"points": points, "judged_point": vars(SIZES.judged)})
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.subprocess
def test_memory_of_a_step_is_that_of_a_process_of_its_own():
    point = {"recurrence": "dense", "neurons": 64, "lags": 20, "steps": 20, "batch": 64}
    grown = growth_mb("training.training_layers", name="published", **point)
    # spikes times kernel are kept for the gradient: 64 samples x 64 neurons x 20 lags x 20 steps of 4 bytes
    assert 6.5 < grown < 65


@pytest.mark.subprocess
def test_memory_that_cannot_be_measured_says_why():
    with pytest.raises(RuntimeError, match="no_such_module"):
        growth_mb("no_such_module")


@pytest.mark.parametrize("recurrence", ["dense", "conv"])
def test_whole_blocks_run_beside_others(recurrence):
    pytest.importorskip("norse")
    found = training_blocks.measure(Point(recurrence, 16, 9, 12, 8), ["Norse"], 1)
    assert found["active"].keys() == {"ours", "ours, rounded", "Norse"}
    assert all(0.02 < share < 0.2 for share in found["active"].values())
    (row,) = found["rows"]
    faster = row["seconds"]["median"] / found["ours_seconds"]["median"]
    assert row["ours_is_faster"]["median"] == pytest.approx(faster, rel=0.01)
    assert f"Norse: {1000 * row['seconds']['median']:.0f} ms" in training_blocks.table([found])
