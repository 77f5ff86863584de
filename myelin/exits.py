"""Exit codes, and the one line that says why a command ended early.

1 is the verdict of a gate and nothing else.  What a user or the machine can cause ends with 2, a fault of Myelin's own with 70.
"""

from __future__ import annotations

import os

from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.hw_configs.parts import missing_part

#: Wrong usage, unusable input or a machine that lacks something; a fault of Myelin (``EX_SOFTWARE`` of sysexits.h); what shells
#: use for Ctrl-C, for an output that nobody reads, and for SIGTERM.
USAGE, FAULT, INTERRUPTED, PIPE_CLOSED, TERMINATED = 2, 70, 130, 141, 143
#: Environment variable that shows the traceback of a fault.
TRACEBACK = "MYELIN_TRACEBACK"
#: Part of the line of a fault.
OWN_FAULT = "this is a fault of Myelin's own"
#: What errors of torch, and of the loader of shared libraries, say where Python has a MemoryError.
_NO_MEMORY = ("can't allocate memory", "out of memory", "Cannot allocate memory", "not enough memory")


def told(error: Exception) -> tuple[str, int]:
    """The line for the user about an error that ends a command, and the exit code."""
    if isinstance(error, MyelinError):
        return str(error), error.exit_code
    said = f"{type(error).__name__}: {error}".removesuffix(": ")
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError | ImportError | OSError) and _no_memory(error)):
        return f"not enough memory ({_first_line(error)}); use fewer steps, channels or samples at a time", USAGE
    if isinstance(error, OSError):
        return _of_system(error), USAGE
    if isinstance(error, ImportError):
        part = missing_part(error) if isinstance(error, ModuleNotFoundError) else None
        if part is not None:
            return str(part), part.exit_code
        if (error.name or "myelin").partition(".")[0] != "myelin":
            return f"the package {error.name} cannot be imported ({_first_line(error)}); install it again", USAGE
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return "the system allows this process no more threads; raise the limit (ulimit -u) or set OMP_NUM_THREADS=1", USAGE
    if isinstance(error, RuntimeError) and "no locator available" in str(error):
        return (
            f"compiled loops cannot be cached ({_first_line(error)}); set NUMBA_CACHE_DIR to a folder that can be written",
            USAGE,
        )
    if isinstance(error, ValueError) and "embedded null" in str(error):
        return "a path holds a null character; name a file without one", USAGE
    if isinstance(error, UnicodeEncodeError) and "surrogates" in error.reason:
        found = ascii(error.object[error.start])
        return f"a name holds the character {found}, which no text in UTF-8 has; rename the file or folder", USAGE
    return f"{said}; {OWN_FAULT}, please report it: {TRACEBACK}=1 shows the traceback", FAULT


def one_line(text: str) -> str:
    """``text`` as the program's line on standard error."""
    return f"myelin: error: {' '.join(text.split())}"


def _of_system(error: OSError) -> str:
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes | os.PathLike) else ""
    return f"{where}{error.strerror or error}"


def require_working_directory() -> None:
    """Raise ConfigError if the working directory was deleted: relative paths mean nothing, and torch cannot be loaded."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise ConfigError("the working directory does not exist any more; change to another one") from None


def _no_memory(error: Exception) -> bool:
    return any(text in str(error) for text in _NO_MEMORY)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
