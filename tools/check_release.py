"""Build wheel and sdist, look at what they hold, and try each in an environment of its own: ``make release-check``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]

MAKERS = ("train_*.py", "test_train_*.py", "tools/shipped.py")
"""What makes the weights, and is tested with it, stays in the repository."""

KINDS = ("py.typed", "*.jinja", "*.safetensors", "*/experiments/*.yaml")
"""What a wheel has to hold besides code: types, pages, weights, experiments."""

SOURCES = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "Makefile", "tests/networks.py")
"""What an sdist has to hold besides the packages: enough to run the tests."""

COMMANDS = (["--help"], ["plugins", "list"], ["run", "task=classification", "plugin=signed", "timesteps=2", "out=run"])


class Unfit(Exception):  # noqa: N818  # named for what is wrong with the release
    """What was built is no release."""


def packages(root: Path) -> list[Path]:
    """Return the folders of the packages that pyproject.toml puts into the wheel."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return [root / folder for folder in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]


def own_files(root: Path) -> set[str]:
    """Return the files of the packages, as a wheel names them."""
    found = (
        path.relative_to(folder.parent)
        for folder in packages(root)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    return {path.as_posix() for path in found}


def wheel_faults(names: Collection[str], root: Path = ROOT) -> Iterator[str]:
    """Yield what is wrong with a wheel of these files: it holds the packages, whole, and nothing else."""
    held = {name for name in names if ".dist-info/" not in name}
    own = own_files(root)
    yield from (f"the wheel lacks {name}" for name in sorted(own - held))
    yield from (f"the wheel holds {name}, which is in no package" for name in sorted(held - own))
    yield from (
        f"the wheel holds {name}, which makes weights"
        for name in sorted(held)
        if _is_maker(name) or name.startswith("tools/")
    )
    yield from (f"the wheel holds no {kind}" for kind in KINDS if not any(PurePosixPath(n).match(kind) for n in held))
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in names):
        yield "the wheel lacks its license"


def sdist_faults(names: Collection[str], tracked: Collection[str] | None) -> Iterator[str]:
    """Yield what is wrong with an sdist of these files; it holds what is ``tracked``, where that is known."""
    yield from (f"the sdist lacks {name}" for name in SOURCES if name not in names)
    yield from (f"the sdist holds {name}, which makes weights" for name in sorted(names) if _is_maker(name))
    if tracked is not None:
        released = {name for name in tracked if not _is_maker(name)}
        yield from (f"the sdist lacks {name}" for name in sorted(released - {*names}))
        yield from (
            f"the sdist holds {name}, which is not tracked" for name in sorted({*names} - {*tracked, "PKG-INFO"})
        )


def _is_maker(name: str) -> bool:
    return any(PurePosixPath(name).match(kind) for kind in MAKERS)


def wheel_names(wheel: Path) -> list[str]:
    """Return the files of a wheel."""
    with zipfile.ZipFile(wheel) as packed:
        return packed.namelist()


def sdist_names(sdist: Path) -> list[str]:
    """Return the files of an sdist, from its folder on."""
    with tarfile.open(sdist) as packed:
        return [entry.name.partition("/")[2] for entry in packed.getmembers() if entry.isfile()]


def tracked_files(root: Path) -> list[str] | None:
    """Return the files that git tracks, or nothing where this is no checkout."""
    if not (root / ".git").exists():
        return None
    listed = _run(["git", "ls-files", "-z"], root)
    return [name for name in listed.split("\0") if name]


def build(root: Path, folder: Path, *targets: str) -> None:
    """Build targets of a source tree with the hatchling that is installed here."""
    options = [word for target in targets for word in ("-t", target)]
    _run([sys.executable, "-m", "hatchling", "build", *options, "-d", str(folder)], root)


def try_out(wheel: Path, folder: Path, whole: bool) -> None:
    """Install a wheel into an empty environment and run it there.

    What it depends on is installed too if ``whole``, and seen through from the environment at hand otherwise.
    """
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    alone = [] if whole else ["--no-deps", "--no-index"]
    _run([sys.executable, "-m", "pip", "--python", str(python), "install", "-q", *alone, str(wheel)], folder)
    if not whole:
        # Written last: with it, pip would find the project installed already.
        inside = _run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).strip()
        Path(inside, "around.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    where = _run([str(python), "-c", "import snnfw; print(snnfw.__file__)"], folder).strip()
    if not Path(where).is_relative_to(folder):
        raise Unfit(f"what was installed is not what runs: {where}")
    for words in COMMANDS:
        print(f"  snnfw {' '.join(words)}", flush=True)
        said = _run([str(python.with_name("snnfw")), *words], folder)
        if "Quarantined" in said:
            raise Unfit(f"snnfw {' '.join(words)} sets plugins aside:\n{said}")


def _run(command: Sequence[str], folder: Path) -> str:
    """Return the output of a command; it sees nothing of what PYTHONPATH adds here."""
    own = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False)  # noqa: S603  # our own
    if done.returncode:
        raise Unfit(f"{' '.join(command)} fails:\n{done.stdout}{done.stderr}")
    return done.stdout


def _require(faults: Iterator[str]) -> None:
    found = list(faults)
    if found:
        raise Unfit("\n".join(found))


def check(root: Path, folder: Path, whole: bool) -> None:
    """Build both from a source tree, the wheel from the sdist too, and try both wheels."""
    print("builds wheel and sdist", flush=True)
    build(root, folder / "dist", "sdist", "wheel")
    (sdist,), (wheel,) = (folder / "dist").glob("*.tar.gz"), (folder / "dist").glob("*.whl")
    _require(sdist_faults(sdist_names(sdist), tracked_files(root)))
    _require(wheel_faults(wheel_names(wheel), root))
    print(f"builds a wheel from {sdist.name}", flush=True)
    with tarfile.open(sdist) as packed:
        packed.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    build(unpacked, folder / "again", "wheel")
    (again,) = (folder / "again").glob("*.whl")
    _require(wheel_faults(wheel_names(again), unpacked))
    for built, name in ((wheel, "wheel"), (again, "sdist")):
        print(f"tries the {name} in an empty environment", flush=True)
        (folder / name).mkdir()
        try_out(built, folder / name, whole)


def main(words: Sequence[str]) -> int:
    """Check a release and say whether it is one."""
    parser = argparse.ArgumentParser(prog="python -m tools.check_release", description=__doc__)
    parser.add_argument("--whole", action="store_true", help="install what it depends on too: about 7 GB, twice")
    chosen = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="snnfw-release-") as scratch:
        try:
            check(ROOT, Path(scratch), chosen.whole)
        except Unfit as error:
            print(f"no release: {error}", file=sys.stderr)
            return 1
    print("wheel and sdist hold what they must, and run")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
