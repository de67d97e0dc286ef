from __future__ import annotations

import _thread
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from napari_localdisc import __version__

COMMANDS = ("demo", "pretrain", "clusters", "guide", "segment", "evaluate", "probe", "transfer")


def test_help_lists_every_command(command):
    result = command()
    assert result.code == 0
    assert all(name in result.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(command, name: str):
    result = command(name, "--help")
    assert result.code == 0
    assert "--quiet" in result.out


def test_version(command):
    assert command("--version").out.strip().endswith(__version__)


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["segment"],
        ["segment", "a.png", "--fast"],
        ["demo", "--seed", "x"],
        ["demo", "--seed", "-1"],
        ["demo", "--seed", str(2**31)],
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(command, arguments: list[str]):
    result = command(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["segment", "{}/a.png"], ["evaluate", "{}", "{}"]])
def test_a_folder_without_permission_is_named(command, ordinary_user: Path, arguments: list[str]):
    folder = ordinary_user / "closed"
    folder.mkdir(0)
    given = [argument.format(folder) for argument in arguments]
    options = ["-o", ordinary_user / "out", "--prior", "lungs"] if given[0] == "segment" else []
    result = command(*given, *options)
    folder.chmod(0o700)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert str(folder) in result.err
    assert "check its permissions" in result.err


def test_help_does_not_wait_for_torch():
    code = (
        "import sys; from napari_localdisc.cli import main; main(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'napari', 'qtpy', 'skimage')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_the_entry_point_is_installed():
    code = "from importlib.metadata import entry_points as e;"
    code += "print(e(group='console_scripts')['napari-localdisc'].load().__module__)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.strip() == "napari_localdisc.cli.app"


@pytest.fixture
def interruptible():
    """Heed Ctrl-C also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_is_one_line_and_leaves_nothing(command, xray_files, tmp_path: Path):
    out, curve = tmp_path / "e.safetensors", tmp_path / "e.curve.csv"

    def interrupt():
        while not (curve.exists() and curve.stat().st_size):
            time.sleep(0.05)
        _thread.interrupt_main()

    threading.Thread(target=interrupt, daemon=True).start()
    result = command("pretrain", *xray_files, "-o", out, "--size", 64, "--steps", 10**6, "-q")
    assert (result.code, result.out) == (130, "")
    assert result.err == "napari-localdisc: interrupted.\n"
    assert not out.exists()
