"""What a user or the machine can cause is one line and exit code 2; 70 is a fault of Myelin's own."""

from __future__ import annotations

import pytest

from myelin.exits import FAULT, USAGE, told
from myelin.hw_configs.errors import DataError, GateError
from myelin.sweep.run import FailedRunsError, Swept

REPORT = "this is a fault of Myelin's own, please report it: MYELIN_TRACEBACK=1 shows the traceback"
MEMORY = "use fewer steps, channels or samples at a time"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DataError("no spikes"), 2, "no spikes"),
        (GateError("too slow"), 1, "too slow"),
        (MemoryError("Unable to allocate 9 GiB"), USAGE, f"not enough memory (Unable to allocate 9 GiB); {MEMORY}"),
        (MemoryError(), USAGE, f"not enough memory (MemoryError); {MEMORY}"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory\nmore"),
            USAGE,
            f"not enough memory ([enforce fail] DefaultCPUAllocator: can't allocate memory); {MEMORY}",
        ),
        (
            ImportError("libx.so: failed to map segment: Cannot allocate memory", name="x"),
            USAGE,
            f"not enough memory (libx.so: failed to map segment: Cannot allocate memory); {MEMORY}",
        ),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried"),
            USAGE,
            f"not enough memory ([enforce fail] DefaultCPUAllocator: not enough memory: you tried); {MEMORY}",
        ),
        (ImportError("bad\nmore", name="h5py._x"), USAGE, "the package h5py._x cannot be imported (bad); install it again"),
        (OSError(5, "Input/output error", b"/x"), USAGE, "/x: Input/output error"),
        (OSError(9, "Bad file descriptor", 1), USAGE, "Bad file descriptor"),
        (
            RuntimeError("can't start new thread"),
            USAGE,
            "the system allows this process no more threads; raise the limit (ulimit -u) or set OMP_NUM_THREADS=1",
        ),
        (
            RuntimeError("cannot cache function 'f': no locator available for file '/x'"),
            USAGE,
            "compiled loops cannot be cached (cannot cache function 'f': no locator available for file '/x'); set "
            "NUMBA_CACHE_DIR to a folder that can be written",
        ),
        (ValueError("embedded null byte"), USAGE, "a path holds a null character; name a file without one"),
        (
            UnicodeEncodeError("utf-8", "a\ud800", 1, 2, "surrogates not allowed"),
            USAGE,
            r"a name holds the character '\ud800', which no text in UTF-8 has; rename the file or folder",
        ),
        (
            UnicodeEncodeError("ascii", "\xe9", 0, 1, "not in range"),
            FAULT,
            f"UnicodeEncodeError: 'ascii' codec can't encode character '\\xe9' in position 0: not in range; {REPORT}",
        ),
        (ValueError("odd"), FAULT, f"ValueError: odd; {REPORT}"),
        (RuntimeError(), FAULT, f"RuntimeError; {REPORT}"),
        (ImportError("no name", name="myelin.x"), FAULT, f"ImportError: no name; {REPORT}"),
    ],
)  # fmt: skip
def test_the_line_and_the_code(error, code, said):
    assert told(error) == (said, code)


def test_failed_runs_are_no_verdict():
    Swept(None, (), 3).require_success()
    with pytest.raises(
        FailedRunsError, match=r"^1 of 3 runs failed, the others are done: \(1\) a/seed0: killed; the same"
    ) as two:
        Swept(None, (), 3, {"a/seed0": "killed"}).require_success()
    with pytest.raises(FailedRunsError) as seventy:
        Swept(None, (), 3, {"a/seed0": "killed", "b/seed0": f"KeyError: 3; {REPORT}"}).require_success()
    assert (two.value.exit_code, seventy.value.exit_code) == (2, 70)
