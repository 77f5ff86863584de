"""Kills a command at every point where it changes a file, and compares what the same command then leaves.

``python kill_points.py JOB.json`` imports and compiles once.  For each point it forks a child that runs the command and ends,
as if by SIGKILL, just before it opens a file for writing, moves, removes or makes one; then another child that runs the command
again.  A second kind of kill comes in the middle of a write: the system ends the child when a file grows beyond a limit.

The clock moves by a tick whenever it is read, so that durations are equal, and one thread works, since a fork copies one.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import resource
import shutil
import signal
import sys
import time
from pathlib import Path

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_EVENTS = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")


class Points:
    """Counts the points in ``folder`` and ends the process at number ``kill``; an audit hook cannot be taken away."""

    def __init__(self, folder, kill):
        self.folder, self.kill, self.count, self.on = f"{folder}{os.sep}", kill, 0, True
        sys.addaudithook(self.heard)

    def heard(self, event, arguments):
        if not self.on or not (event == "open" or event in _EVENTS):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & _WRITING):
            return
        named = [os.fsdecode(path) for path in arguments[:2] if isinstance(path, str | bytes | os.PathLike)]
        if any(os.path.abspath(path).startswith(self.folder) for path in named):
            self.point()

    def point(self):
        if self.count == self.kill:
            os._exit(137)
        self.count += 1


def child(work, folder, *, kill=None, size=None):
    """(exit code or -signal, points) of ``work`` in a process of its own."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            os.close(reader)
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(null, stream)
            from myelin.hw_configs import temporaries

            points, exchange = Points(folder, kill), temporaries.exchange

            def exchanged(one, other):
                points.point()
                return exchange(one, other)

            temporaries.exchange = exchanged
            if size is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # which kills
            code = work()
            points.on = False
            os.write(writer, str(points.count).encode())
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as said:
        count = said.read()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), int(count or -1)


def state(folder, left_out=(".lock",)):
    """Path -> SHA-256 of every file, and of links where they lead; temporary ones included."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.endswith(left_out):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _part(files, name):
    """The files of a folder, or a file."""
    return {path: value for path, value in files.items() if path == name or path.startswith(f"{name}/")}


def tried(job, only_warm=False):
    """What happened at every point of one command: ``points``, ``kills``, and ``wrong``, the lines of what differs.

    ``job``: ``before`` (a folder to begin with, or None), ``argv`` and ``again`` (arguments; the folder is the working
    directory), ``first`` and ``step`` (try every so many points), ``sizes`` (limits of a file in bytes), ``always`` (files and
    folders that must be the older or the new ones at any time, such as an older artifact).
    """
    base = Path(job["scratch"])

    def start(name):
        folder = base / name
        shutil.rmtree(folder, ignore_errors=True)
        if job.get("before"):
            shutil.copytree(job["before"], folder)
        else:
            folder.mkdir(parents=True)
        return folder

    def work(argv):
        def run():
            os.chdir(base / "out")
            return job["call"](argv)

        return run

    # every try has the same path, which files may hold
    whole = start("out")
    if only_warm:
        work(job["argv"])()
        return None
    code, points = child(work(job["argv"]), whole)
    if code:
        return {"points": points, "kills": 0, "wrong": [f"the command itself ended with {code}"]}
    expected = state(whole)
    wrong, kills = [], 0
    tries = [{"kill": point} for point in range(job.get("first", 0), points, job.get("step", 1))]
    tries += [{"size": size} for size in job.get("sizes", ())]
    for how in tries:
        folder = start("out")
        older = state(folder)
        code, _ = child(work(job["argv"]), folder, **how)
        if code == 0 and "size" in how:
            continue  # no file grows so large
        kills += 1
        if code not in (137, -signal.SIGXFSZ):
            wrong.append(f"{how}: ended with {code}")
            continue
        for name in job.get("always", ()):
            now, then, later = (_part(files, name) for files in (state(folder), older, expected))
            if now not in (then, later):
                wrong.append(f"{how}: {name} is neither the older one nor the new one")
        code, _ = child(work(job["again"]), folder)
        if code:
            wrong.append(f"{how}: the second command ended with {code}")
        found = state(folder)
        differ = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        if differ:
            wrong.append(f"{how}: {', '.join(differ)} differ")
    return {"points": points, "kills": kills, "wrong": wrong}


def _call(argv):
    import myelin.cli

    try:
        return myelin.cli.main(argv)
    except SystemExit as left:
        return left.code


def _sweep_in_this_process():
    """Let the runs of a sweep train in the process of the sweep, as if its workers shared its points."""
    from myelin.exits import told
    from myelin.sweep import pool, worker

    def run_all(plan, runs, workers, ended, look):
        failures = {}
        for run in runs:
            failure = None
            try:
                with worker._alone(plan.folder(run)):
                    worker.work(pool._job(plan, run))
            except Exception as error:
                failure, _ = told(error)
                failures[run.name] = failure
            ended(run, failure)
        return failures

    pool.run_all = run_all


def main():
    jobs = json.loads(Path(sys.argv[1]).read_text())
    ticks = itertools.count()
    time.perf_counter = lambda: next(ticks) / 1024  # differences of such numbers are exact
    if not jobs.get("pictures"):
        import myelin.hw_configs.figures as figures

        figures.png = lambda figure: b"picture"  # it takes a second to draw one
    _sweep_in_this_process()
    for argv in jobs["warm"]:
        code = _call(argv)
        if code:
            sys.exit(f"{argv} ended with {code}")
    for name, job in jobs["jobs"].items():  # here what is imported and compiled is there for every child
        if job.get("warm", True):
            started = time.monotonic()
            tried({**job, "call": _call, "scratch": jobs["scratch"]}, only_warm=True)
            print(f"warm {name} {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
    results = {}
    for name, job in jobs["jobs"].items():
        started = time.monotonic()
        results[name] = tried({**job, "call": _call, "scratch": jobs["scratch"]}) | {"seconds": time.monotonic() - started}
        print(name, results[name], file=sys.stderr, flush=True)
    Path(jobs["results"]).write_text(json.dumps(results))


if __name__ == "__main__":
    os.environ.update(NUMBA_THREADING_LAYER="workqueue")
    main()
