"""Takes from Python what Windows and macOS lack, as ``sitecustomize`` of a process: what needs it without a guard fails there.

``python_path(folder, system)`` gives the folder to put first on Python's path.  It changes the standard library before
anything else is imported, so the library itself takes the ways of a system without these calls.
"""

from __future__ import annotations

from pathlib import Path

#: For both: nothing of Linux alone.
_LINUX = """
import builtins, ctypes, io, os, select, signal, sys, warnings

for name in ("sched_getaffinity", "sched_setaffinity", "waitid", "memfd_create", "posix_fadvise"):
    if hasattr(os, name):
        delattr(os, name)

real_open = builtins.open

def no_proc(file, *arguments, **options):
    if isinstance(file, (str, os.PathLike)) and os.fspath(file).startswith(("/proc", "/sys")) and _ours():
        raise FileNotFoundError(2, "no such file on this system", os.fspath(file))
    return real_open(file, *arguments, **options)

def _ours(depth=2):
    return sys._getframe(depth).f_globals.get("__name__", "").partition(".")[0] == "myelin"

builtins.open = no_proc
real_library = ctypes.CDLL

class Library(real_library):
    def __init__(self, name, *arguments, **options):
        if name is None and _ours():
            self._none_here()
        super().__init__(name, *arguments, **options)

    def _none_here(self):
        raise {library}

ctypes.CDLL = Library
"""
#: Windows has none of POSIX, renames over no folder, opens no folder, has another default encoding and other ends of lines.
_WINDOWS = """
for name in ("fork", "forkpty", "register_at_fork", "getuid", "geteuid", "getgid", "getegid", "getpgid", "killpg", "setsid",
             "nice", "mkfifo", "statvfs", "getloadavg", "set_blocking", "O_NONBLOCK", "O_NOFOLLOW", "O_DIRECTORY", "chown"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGALRM", "SIGPIPE", "SIGUSR1", "SIGCHLD", "setitimer", "pthread_kill"):
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("poll", "epoll"):
    if hasattr(select, name):
        delattr(select, name)
for name in ("fcntl", "resource", "pwd", "grp", "termios", "pty"):
    sys.modules[name] = None
os.supports_dir_fd, os.supports_fd = set(), set()
real = {name: getattr(os, name) for name in ("open", "replace", "rename", "fsync")}

def open_no_folder(path, *arguments, **options):
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied", os.fspath(path))
    return real["open"](path, *arguments, **options)

def replace(source, target, **options):
    if os.path.isdir(target):
        raise PermissionError(13, "Access is denied", os.fspath(source), None, os.fspath(target))
    return real["replace"](source, target, **options)

def rename(source, target, **options):
    if os.path.lexists(target):
        raise FileExistsError(17, "the file exists already", os.fspath(source), None, os.fspath(target))
    return real["rename"](source, target, **options)

os.open, os.replace, os.rename = open_no_folder, replace, rename
real_io = io.open

def with_crlf(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    if newline is None and "b" not in mode and set(mode) & set("wax+"):
        newline = "\\r\\n"
    return real_io(file, mode, buffering, encoding, errors, newline, closefd, opener)

io.open = with_crlf
warnings.filterwarnings("error", category=EncodingWarning, module="myelin")
"""
#: torch, as it is built for Linux, asks for this one.
_TORCH_NEEDS = '"register_at_fork", '
SYSTEMS = {
    "darwin": _LINUX.replace("{library}", 'OSError("no such library")'),
    "win32": _LINUX.replace("{library}", 'TypeError("bad argument type for built-in operation")') + _WINDOWS,
}
SYSTEMS["win32 with torch"] = SYSTEMS["win32"].replace(_TORCH_NEEDS, "")


def python_path(folder: Path, system: str) -> Path:
    """A folder for Python's path that makes the processes which have it lack what ``system`` lacks."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SYSTEMS[system], encoding="utf-8")
    return folder
