from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from tools.check_release import (
    KINDS,
    SOURCES,
    build,
    own_files,
    sdist_faults,
    sdist_names,
    tracked_files,
    wheel_faults,
    wheel_names,
)

from tools import check_release

ROOT = check_release.ROOT
INFO = "snnfw-0.1.0.dist-info"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return what the wheel and the sdist of this tree hold."""
    folder = str(tmp_path_factory.mktemp("dist"))
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=folder, versions=["standard"])
    (sdist,) = SdistBuilder(str(ROOT)).build(directory=folder, versions=["standard"])
    return {"wheel": wheel_names(Path(wheel)), "sdist": sdist_names(Path(sdist))}


def test_the_wheel_holds_the_packages_and_nothing_else(built: dict[str, list[str]]) -> None:
    assert list(wheel_faults(built["wheel"])) == []
    assert {f"{package}/py.typed" for package in ("snnfw", "snnfw_plugins", "snnfw_tasks")} <= set(built["wheel"])


def test_the_sdist_holds_what_the_tests_need(built: dict[str, list[str]]) -> None:
    # Files that are not tracked yet are no fault before a commit.
    assert list(sdist_faults(built["sdist"], None)) == []
    tracked = [name for name in tracked_files(ROOT) or () if (ROOT / name).is_file()]
    assert not [fault for fault in sdist_faults(built["sdist"], tracked) if "lacks" in fault]


FAULTS = {
    "a module is missing": (set(), {"snnfw/pipeline.py"}, "the wheel lacks snnfw/pipeline.py"),
    "types are missing": (set(), {"snnfw/py.typed"}, "the wheel lacks snnfw/py.typed"),
    "no license": (set(), {f"{INFO}/licenses/LICENSE"}, "the wheel lacks its license"),
    "a test": ({"tests/networks.py"}, set(), "the wheel holds tests/networks.py, which is in no package"),
    "a maker": ({"tools/train_digits.py"}, set(), "the wheel holds tools/train_digits.py, which makes weights"),
    "a maker in a package": (
        {"snnfw_tasks/train_digits.py"},
        set(),
        "the wheel holds snnfw_tasks/train_digits.py, which makes weights",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wheel_that_is_not_whole_is_told(fault: str) -> None:
    more, less, told = FAULTS[fault]
    whole = own_files(ROOT) | {f"{INFO}/METADATA", f"{INFO}/licenses/LICENSE"}
    assert told not in list(wheel_faults(whole))
    assert told in list(wheel_faults((whole | more) - less))


@pytest.mark.parametrize("kind", KINDS)
def test_a_wheel_without_a_kind_of_file_is_told(kind: str, tmp_path: Path) -> None:
    (tmp_path / "core" / "snnfw").mkdir(parents=True)
    (tmp_path / "core" / "snnfw" / "pipeline.py").touch()
    targets = '[tool.hatch.build.targets.wheel]\npackages = ["core/snnfw"]\n'
    (tmp_path / "pyproject.toml").write_text(targets, encoding="utf-8")
    assert f"the wheel holds no {kind}" in list(wheel_faults(["snnfw/pipeline.py"], tmp_path))


def test_an_sdist_of_other_files_than_those_tracked_is_told() -> None:
    assert list(sdist_faults([*SOURCES, "PKG-INFO"], SOURCES)) == []
    assert list(sdist_faults([*SOURCES, "notes.txt"], [*SOURCES, "docs/README.md"])) == [
        "the sdist lacks docs/README.md",
        "the sdist holds notes.txt, which is not tracked",
    ]
    assert list(sdist_faults(SOURCES[1:], None)) == [f"the sdist lacks {SOURCES[0]}"]
    makers = ["tools/shipped.py", "tools/train_digits.py", "tests/tools/test_train_digits.py"]
    assert list(sdist_faults(SOURCES, [*SOURCES, *makers])) == []
    assert len(list(sdist_faults([*SOURCES, *makers], None))) == len(makers)


def test_names_are_read_from_the_archives(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as packed:
        packed.writestr("snnfw/pipeline.py", "")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as packed_too:
        packed_too.add(tmp_path / "a.whl", "snnfw-0.1.0/docs/README.md")
    assert wheel_names(tmp_path / "a.whl") == ["snnfw/pipeline.py"]
    assert sdist_names(tmp_path / "a.tar.gz") == ["docs/README.md"]


def test_what_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(check_release.Unfit, match=r"hatchling build -t wheel .* fails:\n(.|\n)*Missing `project`"):
        build(tmp_path, tmp_path, "wheel")


def test_a_fault_is_the_end_of_a_release(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object) -> None:
        raise check_release.Unfit("the wheel lacks its license")

    monkeypatch.setattr(check_release, "check", fail)
    assert check_release.main([]) == 1
    assert capsys.readouterr().err == "no release: the wheel lacks its license\n"
