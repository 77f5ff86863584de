"""The epoch beside busy processes: that it runs, and what it compares."""

from __future__ import annotations

import json

import pytest

from benchmarks import epoch


class Told:
    """A worker that takes known times."""

    def __init__(self, tree, seconds):
        self.tree, self.seconds = tree, iter(seconds)

    def epoch(self):
        return next(self.seconds)


def test_ratios_are_of_the_same_round(monkeypatch):
    loads = []
    monkeypatch.setattr(epoch, "busy", lambda count: loads.append(count) or pytest.MonkeyPatch.context())
    ours = Told(epoch.HERE, [9.0, 1.0, 2.0, 1.0, 4.0])
    theirs = Told(epoch.HERE.parent, [9.0, 2.0, 8.0, 3.0, 8.0])
    rows = epoch.measured([ours, theirs], [0, 2], 2)
    assert loads == [0, 2, 0, 2]
    found = {(row["tree"], row["busy"]): [row[key]["median"] for key in ("times_quiet", "this_is_faster")] for row in rows}
    assert {key: tuple(values) for key, values in found.items()} == {
        ("this", 0): (1, 1),
        ("this", 2): (3, 1),
        ("other", 0): (1, 2.5),
        ("other", 2): (3.333, 3),
    }


@pytest.mark.subprocess
@pytest.mark.training
def test_it_runs(tiny, tmp_path, capsys):
    path = tmp_path / "epoch.json"
    epoch.main(
        [str(tiny.data), "--experiment", str(tiny.configs["dense"]), "--busy", "1", "--rounds", "1", "--json", str(path)]
    )
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert [row["busy"] for row in rows] == [0, 1] and all(row["seconds"]["median"] > 0 for row in rows)
    assert "times its quiet epoch" in capsys.readouterr().out
