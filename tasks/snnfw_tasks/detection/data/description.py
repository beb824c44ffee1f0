"""Read ultralytics' data.yaml: which classes there are, and where the images of each split are."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnfw import SnnfwError
from snnfw_tasks.detection.library import require_ultralytics
from snnfw_tasks.samples.boxed import Splits

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG = logging.getLogger("snnfw")


def read_description(given: Path, root: Path | None, scored: str, side: int | None, skip_broken: bool) -> Splits:
    """Return the splits that a file describes, the training images for calibration; ``scored`` is the other one."""
    file = find_description(given)
    described = read_yaml(file)
    names = class_names(described, file)
    if described.get("channels", 3) != 3:
        raise SnnfwError(f"data.file='{file}' says channels={described['channels']}: only colour images, 3, are read.")
    root = root or base_folder(described, file)
    calibration, evaluation = (split_paths(described, split, root, file) for split in ("train", scored))
    if shared := sorted(str(path) for path in {*calibration} & {*evaluation}):
        LOG.warning("snnfw: '%s' is calibrated with and scored on: scores will be a little too good.", shared[0])
    return Splits(names, calibration, evaluation, scored, side, skip_broken, root)


def find_description(file: Path) -> Path:
    """Return the file itself, or the one of that name that comes with ultralytics."""
    if file.is_file():
        return file
    require_ultralytics()
    from ultralytics.utils import ROOT

    own: Path = ROOT / "cfg" / "datasets" / file
    if file.name == str(file) and own.is_file():
        return own
    raise SnnfwError(
        f"data.file='{file}' does not exist: give the path of a data.yaml with train, val and names, "
        "or the name of one that comes with ultralytics, such as coco.yaml."
    )


def read_yaml(file: Path) -> Mapping[str, Any]:
    """Return the content of a YAML file, without running anything that it names: no 'download' script."""
    import yaml

    try:
        described = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SnnfwError(f"data.file='{file}' cannot be read as YAML: repair the file.") from error
    if not isinstance(described, dict):
        raise SnnfwError(f"data.file='{file}' describes no data: it needs train, val and names.")
    return described


def class_names(described: Mapping[str, Any], file: Path) -> tuple[str, ...]:
    """Return the classes' names in the order of their numbers."""
    names = described.get("names")
    if names is None and isinstance(described.get("nc"), int):
        names = [f"class_{number}" for number in range(described["nc"])]
    if isinstance(names, dict):
        if set(names) != set(range(len(names))):
            raise SnnfwError(f"data.file='{file}' numbers its classes {list(names)}: number them 0, 1, 2 and so on.")
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names:
        raise SnnfwError(f"data.file='{file}' names no classes: add names, a list or a mapping from numbers.")
    if described.get("nc", len(names)) != len(names):
        raise SnnfwError(f"data.file='{file}' says nc={described['nc']} and names {len(names)} classes: correct one.")
    for name in names:
        if not isinstance(name, str | int):
            raise SnnfwError(f"data.file='{file}' has the class name {name!r}, which is no text: put it in quotes.")
        if isinstance(name, bool):  # which no, off and yes mean
            raise SnnfwError(f"data.file='{file}' has a class name that YAML reads as {name}: put it in quotes.")
    return tuple(str(name) for name in names)


def base_folder(described: Mapping[str, Any], file: Path) -> Path:
    """Return where the paths of a description begin: at its 'path', or where the file is."""
    path = described.get("path")
    if path is None:
        return file.parent.resolve()
    if (root := Path(str(path))).is_absolute():
        return root
    if (beside := (file.parent / root).resolve()).is_dir():
        return beside
    if root.is_dir():
        return root.resolve()
    raise SnnfwError(
        f"data.file='{file}' says path={path}, which is no folder beside it or here: "
        "set data.root to where its paths begin."
    )


def split_paths(described: Mapping[str, Any], split: str, root: Path, file: Path) -> tuple[Path, ...]:
    """Return the folders, or lists of images, of a split, which have to be there."""
    given = described.get(split) or (described.get("validation") if split == "val" else None)
    if not given:
        there = ", ".join(name for name in ("train", "val", "test") if described.get(name)) or "none"
        raise SnnfwError(f"data.file='{file}' has no split '{split}': it has {there}.")
    found = tuple(_beneath(root, str(path)) for path in (given if isinstance(given, list) else [given]))
    for path in found:
        if not path.exists():
            raise SnnfwError(
                f"data.file='{file}' says {split}={given}, but '{path}' does not exist: "
                "correct the file, or set data.root to where its paths begin."
            )
    return found


def _beneath(root: Path, path: str) -> Path:
    """Return where a path leads; some files say ../train/images of the folder that they are in themselves."""
    within = root / path.removeprefix("../")
    return within if not (root / path).exists() and within.exists() else root / path
