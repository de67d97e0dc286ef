"""Fuzz every parser of ours, guided by coverage: ``python benchmarks/fuzz.py --seconds 600``.

Each target runs in a process of its own, within a limit on memory and on the time that an input may
take. What a parser may not do (raise anything but a `LocaldiscError`, read back another size than
was written) is a finding: its input is kept and its traceback printed once for each place. Needs
atheris: ``pip install 'napari-localdisc[fuzz]'``.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MEMORY = 3000
"""MB that a process may take."""
SLOWEST = 20
"""Seconds that an input may take."""

sys.path.insert(0, str(ROOT))


class Findings:
    """What went wrong, once for each place in the code.

    Parameters
    ----------
    folder : Path
        Where inputs are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: dict[str, int] = {}
        self.inputs = self.taken = 0
        self.slowest = 0.0

    def note(self, error: Exception, content: bytes) -> None:
        """Keep an input that an error came of."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} at {last.filename}:{last.lineno}"
        if place not in self.seen:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / f"{len(self.seen)}.bin").write_bytes(content)
            traceback.print_exception(error)
        self.seen[place] = self.seen.get(place, 0) + 1


def fuzz(name: str, seconds: int, folder: Path) -> None:
    """Fuzz one target in this process, which ends with it."""
    import atheris  # type: ignore[import-not-found,unused-ignore]

    parsers = ["napari_localdisc", "tifffile", "nibabel", "pydicom", "highdicom"]
    with atheris.instrument_imports(include=parsers):
        from tests.fuzzing import TARGETS
    target, place = TARGETS[name], Path(tempfile.mkdtemp())
    corpus = place / "seeds"
    (place / "making").mkdir()
    corpus.mkdir()
    for number, seed in enumerate(target.seeds(place / "making")):
        (corpus / str(number)).write_bytes(seed)
    findings = Findings(folder / name)

    def one(content: bytes) -> None:
        start = time.perf_counter()
        try:
            findings.taken += target.run(content, place)
        except Exception as error:
            findings.note(error, content)
        findings.inputs += 1
        findings.slowest = max(findings.slowest, time.perf_counter() - start)
        if findings.inputs % 50 == 0:
            (folder / f"{name}.json").write_text(json.dumps(vars(findings), default=str))

    options = [f"-max_total_time={seconds}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY}"]
    options += ["-max_len=60000", f"-artifact_prefix={folder / name}-", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


def run(name: str, seconds: int, folder: Path) -> dict[str, Any]:
    """Fuzz one target in a process of its own and tell what became of it."""
    command = [sys.executable, __file__, "--target", name, "--seconds", str(seconds)]
    done = subprocess.run(
        [*command, "--output", str(folder)], capture_output=True, text=True, cwd=ROOT
    )
    log = done.stdout + done.stderr
    (folder / f"{name}.log").write_text(log)
    told = folder / f"{name}.json"
    found: dict[str, Any] = json.loads(told.read_text()) if told.exists() else {"inputs": 0}
    covered = re.findall(r"cov: (\d+)", log)
    return {"code": done.returncode, "covered": covered[-1] if covered else "?", **found}


def main() -> None:
    """Fuzz all targets, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--output", type=Path, default=Path("fuzzing"), help="folder of findings")
    parser.add_argument("--only", default="", help="parsers whose names begin so, such as session")
    parser.add_argument("--target", help="this one alone, in this process")
    options = parser.parse_args()
    folder = options.output.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if options.target:
        fuzz(options.target, options.seconds, folder)
        return
    from tests.fuzzing import TARGETS

    print(
        "| parser | inputs | taken | branches | slowest, s | findings |\n|---|--:|--:|--:|--:|--:|"
    )
    bad = 0
    for name in (name for name in TARGETS if name.startswith(options.only)):
        told = run(name, options.seconds, folder)
        found = len(told.get("seen", {})) + (told["code"] != 0)
        bad += found
        print(
            f"| {name} | {told['inputs']} | {told.get('taken', 0)} | {told['covered']} |"
            f" {told.get('slowest', 0):.2f} | {found} |",
            flush=True,
        )
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
