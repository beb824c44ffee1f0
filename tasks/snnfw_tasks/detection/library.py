"""Import ultralytics so that it asks no network, reads no settings of the user's and leaves torch's threads alone."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from snnfw import SnnfwError
from snnfw.files import cache_folder, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

FONTS = ("Arial.ttf", "Arial.Unicode.ttf")
"""What ultralytics would download where its settings are, whatever it is told about the network."""


def require_ultralytics() -> ModuleType:
    """Return ultralytics, or say how to get it.

    It reads its environment once, at import: where its settings are, whether there is a network. A program that
    imported it before keeps what it chose, but for the network.
    """
    os.environ["YOLO_OFFLINE"] = "1"  # read at every look for weights, so it stays
    with _environment():
        try:
            import ultralytics
        except ImportError as error:
            raise SnnfwError(
                "task 'detection' needs the package ultralytics: pip install 'snnfw[detection]'."
            ) from error
    module: ModuleType = ultralytics
    return module


@contextmanager
def _environment() -> Iterator[None]:
    """Set what the import reads, and put back what was there, OMP_NUM_THREADS too, which the import sets to 1."""
    if "ultralytics" in sys.modules:
        yield
        return
    ours = {"YOLO_CONFIG_DIR": str(settings_folder()), "YOLO_VERBOSE": "False", "YOLO_AUTOINSTALL": "False"}
    before = {name: os.environ.get(name) for name in (*ours, "OMP_NUM_THREADS")}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def settings_folder() -> Path:
    """Return the folder for ultralytics' settings, of our own, with the fonts that it would otherwise download."""
    try:
        folder = cache_folder("ultralytics")
        _add_fonts(folder / "Ultralytics")
    except OSError:  # no home, or nothing may be written there
        folder = Path(tempfile.mkdtemp(prefix="snnfw-ultralytics-"))
        _add_fonts(folder / "Ultralytics")
    return folder


def _add_fonts(folder: Path) -> None:
    """Copy matplotlib's font under the names that ultralytics looks for, each at once or not at all."""
    from matplotlib import get_data_path

    folder.mkdir(parents=True, exist_ok=True)
    content = (Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf").read_bytes()
    for name in FONTS:
        if not (folder / name).is_file():
            write_file(folder / name, content, refuse=())
