"""The tables of the training step and of inference, from known results."""

from benchmarks.tables import table_baselines

MACHINE = {
    "cpu": "Some CPU",
    "cores": 2,
    "python": "3.11.7",
    "versions": {"torch": "2.13.0"},
    "blas": "openblas",
    "environment": {},
    "date": "2026-01-02",
}


def ratio(value):
    return {"median": value, "low": value / 2, "high": 2 * value}


def train_row(name, seconds, faster):
    return {
        "name": name,
        "seconds": ratio(seconds),
        "ours_is_faster": ratio(faster),
        "ours_rounded_is_faster": ratio(2 * faster),
    }


def train_point(recurrence, rows, **shares):
    return {
        "recurrence": recurrence,
        "neurons": 256,
        "lags": 30,
        "ours_seconds": ratio(0.05),
        "ours_rounded_seconds": ratio(0.04),
        "rows": rows,
        **shares,
    }


TRAIN = {
    "quick": False,
    "machine": MACHINE,
    "blas_gflop_per_s": 402.0,
    "judged_point": {"neurons": 256, "lags": 30, "steps": 100, "batch": 128},
    "memory": [
        {"recurrence": "dense", "name": "ours", "mb": 90.1},
        {"recurrence": "dense", "name": "published", "mb": 1234.0},
        {"recurrence": "dense", "name": "lava-dl", "mb": 456.0},
        {"recurrence": "conv", "name": "ours", "mb": 80.0},
        {"recurrence": "conv", "name": "published", "mb": 1100.0},
    ],
    "points": [
        train_point(
            "dense",
            [train_row("published", 5.0, 100), train_row("lava-dl", 1.0, 20)],
            ours_share_of_blas=0.25,
            ours_rounded_share_of_blas=0.3,
        ),
        train_point("conv", [train_row("published", 3.0, 60)]),
    ],
}


def test_table_of_a_training_step():
    text = table_baselines.train_step_table(TRAIN)
    for line in (
        "| Myelin, dense, delays spread | 50 | 90.1 MB | | |",
        "| Myelin, dense, delays rounded | 40 |  | | |",
        "| DelRec, published order | 5,000 | 1,230 MB | 100 (50 to 200) | 200 (100 to 400) |",
        "| lava-dl's `cuba.Recurrent` ² | 1,000 | 456 MB | 20 (10 to 40) | 40 (20 to 80) |",
        "| ConvDelRec, published order | 3,000 | 1,100 MB | 60 (30 to 120) | 120 (60 to 240) |",
        "| neurons | 30 lags |",
        "| 256, dense | 100 (200) |",
        "| 256, conv | 60 (120) |",
    ):
        assert line in text.splitlines()
    assert "25% (30%) at 256 neurons of the 402 GFLOP/s" in text
    assert text.endswith("2026-01-02.")
    assert "mean nothing" in table_baselines.train_step_table(TRAIN | {"quick": True})


def test_table_of_inference():
    def point(batch):
        row = {"ours_dense_is_faster": ratio(40), "ours_conv_is_faster": ratio(200)}
        return {
            "neurons": 256,
            "lags": 30,
            "batch": batch,
            "ours_seconds": {"dense": ratio(0.01 * batch), "conv": ratio(0.001 * batch)},
            "rows": [row | {"recurrence": kind, "seconds": ratio(0.5 * batch)} for kind in ("dense", "conv")],
        }

    results = {
        "quick": False,
        "machine": MACHINE,
        "judged_point": {"neurons": 256, "lags": 30, "steps": 100},
        "points": [point(1), point(128)],
        "memory": [
            {"recurrence": kind, "name": name, "mb": 7.0} for kind in ("dense", "conv") for name in ("ours", "published")
        ],
    }
    text = table_baselines.inference_table(results)
    for line in (
        "| 1 | Myelin, convolutional | 1 | | |  |",
        "| 128 | Myelin, dense | 1,280 | | | 7 MB |",
        "| 1 | DelRec, published order | 500 | 200 (100 to 400) | 40 (20 to 80) |  |",
        "| 256 | 200 (40) |",
    ):
        assert line in text.splitlines()
