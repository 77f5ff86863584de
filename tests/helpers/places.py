"""Paths of the checkout and of data that only some machines have."""

from pathlib import Path

#: Folder of the checkout, which a process started elsewhere needs on its path.
ROOT = Path(__file__).resolve().parents[2]
HELPERS = ROOT / "tests" / "helpers"
#: Data beside the checkout; a test that uses it skips with a reason if it is absent.
SHARED = ROOT.parent / "shared"
