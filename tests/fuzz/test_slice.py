"""A short slice of ``make fuzz``: every reader whose inputs need no training, from one seed."""

from __future__ import annotations

import pytest
from fuzz_readers import READERS, make_inputs
from fuzz_run import Fuzzer, plan

pytestmark = pytest.mark.subprocess
#: Readers whose sound inputs are made in no time.
QUICK = ["netx", "nir", "shd", "packed", "npz", "idx", "mat", "wav", "target", "config", "sweep"]


def test_changed_inputs_are_read_or_refused(tmp_path):
    make_inputs(tmp_path / "inputs", QUICK)
    worker, outcomes = Fuzzer(tmp_path / "inputs", tmp_path / "work"), {}
    try:
        for reader, number in plan(110, QUICK):
            told = worker.case(reader, f"suite/{reader}/{number}")
            outcomes.setdefault(told["outcome"], []).append((reader, number, told["message"]))
    finally:
        worker.stop()
    unsound = outcomes.keys() - {"read", "refused", "no case"}
    assert not unsound, {key: outcomes[key] for key in unsound}
    assert len(outcomes["read"]) > 10  # else the sound inputs are none
    assert len(outcomes["refused"]) > 40


def test_a_case_is_the_same_whenever_it_is_made(tmp_path):
    from fuzz_worker import mutated

    make_inputs(tmp_path, ["npz", "config"])
    for reader in ("npz", "config"):
        for number in range(6):
            made = []
            for place in ("a", "b"):
                (tmp_path / place).mkdir(exist_ok=True)
                path = mutated(reader, f"0/{reader}/{number}", tmp_path / reader / "inputs", tmp_path / place)
                made.append((path.name, path.read_bytes() if path.is_file() else None))
            assert made[0][0] == made[1][0]
            if reader == "config":  # a zip file holds the time
                assert made[0] == made[1]


def test_every_reader_has_its_share_of_the_cases():
    cases = plan(10_000, list(READERS))
    counts = {name: sum(reader == name for reader, _ in cases) for name in READERS}
    assert abs(sum(counts.values()) - 10_000) < len(READERS)
    assert min(counts.values()) > 100
