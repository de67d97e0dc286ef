from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from napari_localdisc import __version__
from napari_localdisc.base.shipped import SEGMENTERS
from napari_localdisc.cli.commands import registry
from napari_localdisc.cli.commands.registry import COMMANDS
from napari_localdisc.cli.groups import Speaking
from napari_localdisc.core.priors import BUILT_IN_PRIORS

FOLDERS = ["guide", "segment", "clusters", "evaluate", "measure", "pretrain", "probe", "transfer"]
COMPUTING = ["demo", "pretrain", "clusters", "guide", "segment", "run", "probe", "transfer"]
ENCODERS = ["demo", "clusters", "guide", "segment", "run", "probe"]
README = Path(__file__).parents[2] / "README.md"


def words_completed(line: str) -> list[str]:
    """What a shell offers where the line ends."""
    given = line.split(" ")
    environment = {
        **os.environ,
        "_NAPARI_LOCALDISC_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(given) - 1),
    }
    program = [sys.executable, "-m", "napari_localdisc"]
    return subprocess.run(program, env=environment, capture_output=True, text=True).stdout.split()


def test_help_lists_every_command(command):
    result = command()
    assert result.code == 0
    assert all(name in result.out for name in COMMANDS)


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (COMMANDS, ["--quiet", "-q", "--verbose", "-v", "--log"]),
        (FOLDERS, ["--recursive", "-r", "--pattern", "--exclude"]),
        (COMPUTING, ["--device", "--seed"]),
        (ENCODERS, ["--encoder"]),
        (
            ["segment", "run"],
            ["--overwrite", "--confidence", "--workers", "--scheduler", "--batch"],
        ),
    ],
)
def test_commands_share_their_options(command, names, options):
    for name in names:
        result = command(name, "--help")
        assert result.code == 0
        assert [option for option in options if option not in result.out] == []


def test_a_command_is_a_module_and_a_line(monkeypatch):
    module = types.ModuleType("napari_localdisc.cli.commands.greet")

    def greet(speaking: Speaking, name: str = "you") -> None:
        """Greet."""
        speaking.reporter().conclude(f"hello {name}")

    module.greet = greet
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(registry, "COMMANDS", (*COMMANDS, "greet"))
    app = typer.Typer()
    for one in registry.commands():
        app.command()(one)
    result = CliRunner().invoke(app, ["greet", "--name", "all"])
    assert (result.exit_code, result.output) == (0, "hello all\n")


def test_the_readme_names_every_command():
    text = README.read_text("utf-8")
    assert [name for name in COMMANDS if f"napari-localdisc {name}" not in text] == []


def test_help_names_every_built_in_prior(command):
    text = " ".join(command("guide", "--help").out.replace("│", " ").split())
    assert [name for name in BUILT_IN_PRIORS if name not in text] == []


def test_the_package_is_a_command():
    program = [sys.executable, "-m", "napari_localdisc", "--version"]
    found = subprocess.run(program, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, f"napari-localdisc {__version__}\n")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("napari-localdisc seg", ["segment"]),
        ("napari-localdisc guide a.png --prior opt", ["optic-cup", "optic-disc"]),
        ("napari-localdisc segment a.png --segmenter ", list(SEGMENTERS.names)),
        ("napari-localdisc clusters a.png --encoder ", ["auto", "random", "chest-xray", "fundus"]),
        ("napari-localdisc probe --encoder f", ["fundus"]),
        ("napari-localdisc run a.localdisc --device c", ["cpu", "cuda"]),
        ("napari-localdisc clusters a.png --encoder ./en", []),
    ],
)
def test_a_shell_completes_names(line: str, offered: list[str]):
    assert words_completed(line) == offered


def test_the_script_for_a_shell_is_shown():
    program = [sys.executable, "-m", "napari_localdisc", "--show-completion", "bash"]
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    found = subprocess.run(program, capture_output=True, text=True, env=environment)
    assert "complete -o default -F" in found.stdout
    assert "napari-localdisc" in found.stdout


def test_completion_is_installed_for_a_user(tmp_path: Path):
    program = [sys.executable, "-m", "napari_localdisc", "--install-completion", "bash"]
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    found = subprocess.run(program, capture_output=True, text=True, env=environment)
    assert found.returncode == 0
    scripts = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("_NAPARI_LOCALDISC_COMPLETE" in path.read_text() for path in scripts)


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


def test_the_help_loads_nothing_that_takes_long():
    heavy = (
        "torch",
        "scipy",
        "skimage",
        "sklearn",
        "pandas",
        "matplotlib",
        "zarr",
        "napari",
        "qtpy",
    )
    code = (
        "import sys; from napari_localdisc.cli import main; main(['--help']);"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    loaded = found.stdout.splitlines()[-1].split()
    assert "napari_localdisc" in loaded
    assert not {name for name in loaded if name.startswith(heavy) and name != "napari_localdisc"}


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_does_not_wait_for_torch(name: str):
    arguments = [*([name] if name else []), "--help"]
    code = (
        f"import sys; from napari_localdisc.cli import main; main({arguments});"
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
