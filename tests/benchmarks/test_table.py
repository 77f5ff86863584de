"""Tables of results, and the page that shows them."""

import json

import pytest

from benchmarks import table

RATE = {"median": 12345.0, "low": 1.0, "high": 23456.0}
RESULTS = {
    "quick": False,
    "machine": {
        "cpu": "Some CPU",
        "cores": 2,
        "python": "3.11.7",
        "versions": {"numpy": "2.3.5"},
        "blas": "openblas 0.3.30 Haswell",
        "environment": {"OPENBLAS_CORETYPE": "Haswell"},
        "date": "2026-01-02",
    },
    "networks": [
        {
            "recurrence": "dense",
            "network": "140 -> 20",
            "steps": 100,
            "densities": {"input": 0.19, "input_mean": 0.5, "layers": [0.1, 0.05]},
            "rows": [
                {"name": "simulate, all cores", "samples_per_s": RATE, "simulate_is_faster": None, "note": ""},
                {
                    "name": "peer",
                    "samples_per_s": {"median": 1.234, "low": 1.0, "high": 2.0},
                    "simulate_is_faster": {"median": 10003.0, "low": 9000.0, "high": 12000.0},
                    "note": "slow",
                },
            ],
        }
    ],
    "conv_faster_than_dense": {
        "all_cores": {"median": 1.08, "low": 1.04, "high": 1.2},
        "one_core": {"median": 1.06, "low": 1.0, "high": 1.1},
    },
}
TABLE = """\
Dense recurrence: 140 -> 20; 100 steps; 19.0% of the input's entries are not zero (mean 0.5), 10.0% and 5.0% of the hidden \
neurons spike in a step.

| | samples/s, median (best) | `simulate` is faster by, median (range) |
|---|---|---|
| simulate, all cores | 12,300 (23,500) |  |
| peer ¹ | 1.23 (2) | 10,000 (9,000 to 12,000) |

¹ slow.

`simulate` runs ConvDelRec faster than dense recurrence, in the same rounds: 1.08 (1.04 to 1.2) times on all cores and \
1.06 (1 to 1.1) times on one, median (range).

Some CPU, 2 cores; Python 3.11.7, numpy 2.3.5, openblas 0.3.30 Haswell, OPENBLAS_CORETYPE=Haswell; 2026-01-02."""


def test_table_of_known_results():
    assert table.simulate_table(RESULTS) == TABLE
    assert "mean nothing" in table.simulate_table(RESULTS | {"quick": True})


def test_table_is_written_between_its_markers(tmp_path):
    (tmp_path / "simulate.json").write_text(json.dumps(RESULTS))
    others = "".join(
        f"<!-- benchmarks:{name} -->\n\n<!-- /benchmarks:{name} -->" for name in table.TABLES if name != "simulate"
    )
    before = f"# Title\n<!-- benchmarks:simulate -->\nold\n<!-- /benchmarks:simulate -->\nend\n{others}"
    after = table.with_tables(before, tmp_path)
    assert after == f"# Title\n<!-- benchmarks:simulate -->\n\n{TABLE}\n\n<!-- /benchmarks:simulate -->\nend\n{others}"
    assert table.with_tables(after, tmp_path) == after
    with pytest.raises(ValueError, match="no place for a table"):
        table.with_tables("# Title\n", tmp_path)


def test_streams_and_peaks_in_words():
    stream = {
        "samples": 10**6,
        "steps": 80,
        "network": "140 -> 20",
        "seconds": 46.5,
        "samples_per_s": 21500.0,
        "peak_rss_mb": 234,
    }
    told = table.stream_line(stream | {"input_of_all_samples_mb": 11200, "output_of_all_samples_mb": 6400})
    assert "1,000,000 samples of 80 steps" in told and "46.5 s" in told and "234 MB" in told and "17,600 MB" in told
    events = {"network": "140 -> 9, x", "giga_synaptic_operations_per_s": 39.6, "weights_read_gb_per_s": 79.2}
    events |= {"times_memory_read": 1.78, "share_of_second_cache_read": 0.356}
    peak = {"dense": {"network": "9 -> 9, x", "gflop_per_s": 243.4, "share_of_blas": 0.577}, "events": [{}, events]}
    told = table.peak_line(peak)
    assert "243 GFLOP/s, 58%" in told and "40e9" in told and "1.8 times" in told and "36%" in told


def test_readme_shows_the_current_results():
    """If this fails: python -m benchmarks.table"""
    text = table.PAGE.read_text(encoding="utf-8")
    assert text == table.with_tables(text)
