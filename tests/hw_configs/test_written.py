"""Numbers are written in one way."""

from __future__ import annotations

from myelin.hw_configs.written import counted, thousands


def test_thousands():
    assert [thousands(999), thousands(1234567), thousands(1234.56, 1), thousands(-12345)] == [
        "999", "1,234,567", "1,234.6", "-12,345",
    ]  # fmt: skip


def test_counted():
    assert [counted(1, "sample"), counted(0, "sample"), counted(2264, "sample")] == ["1 sample", "0 samples", "2,264 samples"]
