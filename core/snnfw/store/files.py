"""Keep what was measured in files of their own, by what it was measured of."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

from snnfw.files import write_file

LOG = logging.getLogger("snnfw")


class Store:
    """A folder with one file for each value, which several processes may read and write at once.

    A file is written beside its place and renamed, and starts with a checksum: what is there is whole, or is taken for
    missing. Where nothing can be written, a warning says so once and nothing more is kept; ``None`` keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def load(self, key: str) -> Any:
        """Return the value of a key, as JSON holds it; None where there is none, or a damaged one."""
        if self.folder is None:
            return None
        path = _path(self.folder, key)
        try:
            checksum, _, text = path.read_bytes().partition(b"\n")
        except OSError:
            return None
        if hashlib.sha256(text).hexdigest().encode() != checksum:
            LOG.info("snnfw: measures again what %s holds, the file is damaged", path)
            return None
        return json.loads(text)

    def save(self, key: str, value: Any) -> None:
        """Keep a value; floats are written so that they come back exactly."""
        if self.folder is None:
            return
        text = json.dumps(value, sort_keys=True, allow_nan=False).encode()
        content = hashlib.sha256(text).hexdigest().encode() + b"\n" + text
        try:
            write_file(_path(self.folder, key), content, refuse=())
        except OSError as error:
            LOG.warning(
                "snnfw: measurements are not kept in %s (%s): a search that is stopped starts over",
                self.folder,
                error.strerror or error,
            )
            self.folder = None


def _path(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}.json"
