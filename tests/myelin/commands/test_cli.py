"""The command line itself: usage, help, version, interruption, a closed pipe."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys

import pytest
from places import ROOT

from myelin.hw_configs.errors import MyelinError

COMMANDS = (
    "train",
    "sweep",
    "export",
    "check",
    "explore",
    "profile",
    "map",
    "simulate",
    "diff",
    "validate",
    "board",
    "doctor",
    "demo",
    "encode",
)


def test_help_names_every_command_and_the_exit_codes(main, capsys):
    with pytest.raises(SystemExit) as left:
        main("--help")
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"\n    {command} " in shown for command in COMMANDS)
    assert "Exit codes: 0 done, 1 a gate failed" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command, main, capsys):
    with pytest.raises(SystemExit) as left:
        main(command, "--help")
    assert left.value.code == 0
    assert f"usage: myelin {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("train",),
        ("train", "demo", "--data", "builtin"),
        ("simulate", "x", "--data", "y", "--backend", "gpu"),
        ("simulate", "x", "--data", "y", "--samples", "0"),
        ("diff",),
        ("diff", "x", "y", "--backends", "fast", "gpu"),
        ("profile", "x", "--density", "nan"),
        ("map", "x"),
        ("map", "x", "--target", "loihi2", "--strategy", "first"),
        ("validate", "x", "--data", "y", "--max-drop", "-1"),
        ("validate", "x", "--data", "y", "--max-drop", "nan"),
        ("validate", "x", "--data", "y", "--lava-samples", "-3"),
        ("demo", "--epochs", "two"),
        ("explore", "x"),
        ("explore", "x", "--data", "y", "--samples", "0"),
        ("sweep", "x"),
        ("sweep", "x", "--data", "y", "--out", "z", "--jobs", "0"),
        ("sweep", "x", "--data", "y", "--out", "z", "--report", "train"),
    ],
)
def test_wrong_usage_ends_with_2(arguments, main, capsys):
    with pytest.raises(SystemExit) as left:
        main(*arguments)
    assert left.value.code == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert ": error: " in shown.err
    assert "Traceback" not in shown.err


def test_version(main, capsys):
    with pytest.raises(SystemExit) as left:
        main("--version")
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("myelin ")


@pytest.mark.subprocess
def test_help_in_a_process_of_its_own():
    done = subprocess.run([sys.executable, "-m", "myelin", "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: myelin" in done.stdout


@pytest.mark.subprocess
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_is_no_error(unbuffered):
    """As in `myelin doctor | true`, where what reads has left."""
    patch = "import sys, myelin.cli, myelin.commands.doctor as cli; cli.run_doctor = lambda _: print(1) or 0"
    code = f"{patch}\nsys.exit(myelin.cli.main(['doctor']))"
    reader, writer = os.pipe()
    os.close(reader)
    try:
        environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.subprocess
@pytest.mark.parametrize(("closed", "code"), [(">&-", 0), ("2>&-", 0), ("<&-", 0), (">&- 2>&-", 0)])
def test_streams_that_the_shell_closed_change_nothing_else(closed, code, tmp_path):
    """No file of the command gets the descriptor of a closed stream, into which others would then print."""
    out = tmp_path / "out.json"
    patch = f"import sys, myelin.cli, myelin.commands.doctor as cli\nfile = open({str(out)!r}, 'w')\ndef run(_):\n"
    patch += (
        "    print('to the screen'); print('to the screen', file=sys.stderr); sys.stdin.read(); file.write('{}'); return 0\n"
    )
    call = f"{patch}cli.run_doctor = run\nsys.exit(myelin.cli.main(['doctor']))"
    line = f"{shlex.quote(sys.executable)} -c {shlex.quote(call)} {closed}"
    done = subprocess.run(line, shell=True, capture_output=True, stdin=subprocess.DEVNULL, text=True, cwd=ROOT)
    assert (done.returncode, out.read_text()) == (code, "{}")
    assert done.stdout == ("" if closed.startswith(">") else "to the screen\n")
    assert done.stderr == ("" if "2>" in closed else "to the screen\n")


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (MyelinError("two\nlines"), 2, "myelin: error: two lines\n"),
        (PermissionError(13, "Permission denied", "/etc/x"), 2, "myelin: error: /etc/x: Permission denied\n"),
        (OSError(28, "No space left on device"), 2, "myelin: error: No space left on device\n"),
        (KeyboardInterrupt(), 130, "\nmyelin: interrupted\n"),
        (KeyboardInterrupt("go on with --resume"), 130, "\nmyelin: interrupted; go on with --resume\n"),
    ],
)
def test_what_handlers_raise(error, code, shown, main, capsys, monkeypatch):
    import myelin.commands.doctor

    def fail(_):
        raise error

    monkeypatch.setattr(myelin.commands.doctor, "run_doctor", fail)
    assert main("doctor") == code
    assert capsys.readouterr().err == shown


@pytest.mark.parametrize("asked", ["", "1"])
def test_a_bug_is_not_hidden(asked, main, monkeypatch, capsys):
    """What no user can cause has an exit code of its own, and a traceback for who asks."""
    import myelin.commands.doctor

    def fail(_):
        raise ZeroDivisionError

    monkeypatch.setenv("MYELIN_TRACEBACK", asked)
    monkeypatch.setattr(myelin.commands.doctor, "run_doctor", fail)
    assert main("doctor") == 70
    *trace, told = capsys.readouterr().err.splitlines()
    assert told == (
        "myelin: error: ZeroDivisionError; this is a fault of Myelin's own, please report it: MYELIN_TRACEBACK=1 shows the "
        "traceback"
    )
    assert (trace != []) == bool(asked) and all("ZeroDivisionError" in line for line in trace[-1:])


@pytest.mark.lava
@pytest.mark.subprocess
def test_doctor_tries_what_it_reports(main, tmp_path, capsys, monkeypatch):
    from myelin.lava_models import compat

    monkeypatch.setattr(compat, "missing", lambda **_: ["lava-nc"])
    out = tmp_path / "doctor.json"
    assert main("doctor", "--json", out) == 1
    shown, found = capsys.readouterr().out, json.loads(out.read_text())["result"]
    works = {backend["name"]: backend["works"] for backend in found["backends"]}
    assert works == {"fast": True, "lava": False, "lava-stock": False, "c": works["c"], "loihi2": False, "train": True}
    assert [backend["name"] for backend in found["backends"] if backend["needed_for_cpu"]] == ["fast", "lava", "lava-stock"]
    assert found["cpu_works"] is False
    lava = found["backends"][1]
    assert lava["missing"] == "Lava cannot run here: lava-nc not installed"
    assert lava["next_step"].startswith("run `pip install")
    assert found["next_step"] == f"to get lava: {lava['next_step']}"
    assert f"next: {found['next_step']}" in shown


@pytest.mark.lava
def test_doctor_is_content_without_training(monkeypatch):
    """A machine that runs artifacts needs no torch."""
    from myelin.backends import doctor
    from myelin.hw_configs.errors import MyelinError

    def fail():
        raise MyelinError("torch cannot be imported: ImportError: no; run `pip install -e .`")

    monkeypatch.setattr(doctor, "_train", fail)
    monkeypatch.setattr(doctor, "_try_lava", lambda ran: [])
    monkeypatch.setattr(doctor, "_compiled", lambda: None)
    found = doctor.examine()
    assert found["cpu_works"] is True
    assert found["next_step"] == "to get train: run `pip install -e .`"


@pytest.mark.lava
@pytest.mark.subprocess
def test_doctor_sees_a_wrong_simulator(monkeypatch):
    """The trial compares with spikes worked out by hand, so a broken backend cannot pass it."""
    from myelin.backends import doctor
    from myelin.convert.recording import Recording

    real = doctor.simulate

    def late(network, frames):
        output = real(network, frames).output
        return Recording(output[:, [*range(1, 8), 0]], real(network, frames).readout)

    monkeypatch.setattr(doctor, "simulate", late)
    fast = doctor.examine()["backends"][0]
    assert fast["works"] is False
    assert "wrong spikes" in fast["missing"]


def test_doctor_says_in_one_line_that_torch_is_broken(monkeypatch):
    from myelin.backends import doctor

    monkeypatch.setitem(sys.modules, "myelin.train.trial", None)
    train = doctor._try("train", "training", "", "", doctor._train)
    assert not train.works and train.missing.startswith("torch cannot be imported: ") and "\n" not in train.missing
    assert train.next_step.startswith("run `pip install -e '.[train]'` in ")


def test_doctor_says_in_one_line_that_torch_is_missing(monkeypatch):
    from myelin.backends import doctor

    monkeypatch.setitem(sys.modules, "torch", None)
    train = doctor._try("train", "training", "", "", doctor._train)
    assert not train.works and train.missing == "training and validation need the package torch, which is not installed"
    assert train.next_step.startswith("run `pip install -e '.[train]'` in ")


def _in_a_shell(line, **environment):
    """What a shell makes of ``line``, in which ``myelin`` is this one."""
    line = line.replace("myelin ", f"{shlex.quote(sys.executable)} -m myelin ")
    ours = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(["bash", "-c", line], capture_output=True, stdin=subprocess.DEVNULL, text=True, env=ours)


@pytest.fixture
def net(small, tmp_path):
    from myelin.convert import write_netx

    write_netx(small, tmp_path / "a.net")
    return tmp_path / "a.net"


@pytest.mark.subprocess
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no device that is always full")
@pytest.mark.parametrize(
    ("unbuffered", "where"), [("", "standard output: "), ("1", "")], ids=["at the end", "at the first line"]
)
def test_a_full_standard_output_is_one_message(net, unbuffered, where):
    done = _in_a_shell(f"myelin check {net} --target loihi2 > /dev/full", PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (2, f"myelin: error: {where}No space left on device\n")


@pytest.mark.subprocess
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no device that is always full")
def test_a_full_standard_error_changes_no_exit_code():
    assert _in_a_shell("myelin check nowhere.net --target loihi2 2> /dev/full").returncode == 2


@pytest.mark.subprocess
def test_a_deleted_working_directory_is_one_message(net, tmp_path):
    (tmp_path / "gone").mkdir()
    done = _in_a_shell(f"cd {tmp_path / 'gone'} && rmdir {tmp_path / 'gone'} && myelin check {net} --target loihi2")
    assert done.returncode == 2
    assert done.stderr == "myelin: error: the working directory does not exist any more; change to another one\n"


@pytest.mark.subprocess
def test_sigterm_removes_what_is_half_written_and_has_its_own_code(tmp_path):
    code = (
        "import os, signal, sys, myelin.cli, myelin.commands.doctor as cli\n"
        "from myelin.hw_configs.files import atomic_file\n"
        "def run(_):\n"
        f"    with atomic_file({str(tmp_path / 'a')!r}) as temporary:\n"
        "        temporary.write_text('half'); os.kill(os.getpid(), signal.SIGTERM); signal.pause()\n"
        "cli.run_doctor = run\nsys.exit(myelin.cli.main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=100)
    assert (done.returncode, done.stderr) == (143, "myelin: ended by the signal SIGTERM\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="names of other systems are text")
@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_name_that_the_terminal_cannot_print_is_printed_otherwise(net, main, tmp_path, monkeypatch, encoding):
    name = os.fsdecode(b"n\xff\xe9.net")
    net.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    shown = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", shown)
        assert main("check", name, "--target", "loihi2", "--json", "c.json") == 0
        assert main("export", name, "--target", "c99", "--out", "c") == 0
        assert main("report", name, "--samples", 1, "--out", "r.html") == 0
    shown.seek(0)
    assert "loihi2 holds n\\udcff\\udce9.net" in shown.read() and shown.errors == "strict"
    told = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", told)  # as a notebook or a test puts its own there
        assert main("check", f"gone{name}", "--target", "loihi2") == 2
    told.seek(0)
    assert "myelin: error: gonen\\udcff\\udce9.net" in told.read() and told.errors == "strict"
    assert "n\\udcff\\udce9" in (tmp_path / "c" / "README.md").read_text(encoding="utf-8")
