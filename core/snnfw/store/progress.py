"""Keep how far a run is in a folder beside its place, so that one that was killed goes on there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from snnfw.errors import SnnfwError, StaleError
from snnfw.files import replace_file, write_folder
from snnfw.store.digest import digest_by_name
from snnfw.values import ExitRule

EVERY = 30.0
"""Seconds of passes that a run may lose: what is shorter keeps nothing."""

SHARE = 20
"""So many times as long as it took to keep it is worked before it is kept again."""

Key = Mapping[str, str]
"""What has to be as it was for a run to go on: values by what they are called in a sentence."""


PartOf = Callable[[Callable[[], Mapping[str, Tensor]], ExitRule | None], "Part"]
"""Return what keeps how far a pass over the evaluation data is, by the network's weights and who may leave early."""


class Progress:
    """A folder in which a run keeps how far it is, made when there is something to keep and gone once it is done.

    ``files`` are put into it, ``told`` is the digest of what the run was told, and ``again`` says how to go on. With
    ``resumed`` the folder is there: this run works in it alone from now on. Of several processes (this one has the
    number ``rank`` of ``count``) the first one makes the folder and removes it, and each keeps its own part there.

    Raises:
        SnnfwError: another process works in the folder.

    """

    def __init__(
        self,
        folder: Path,
        files: Mapping[str, str],
        told: str,
        again: str,
        tell: Callable[[str], None],
        resumed: bool,
        rank: int = 0,
        count: int = 1,
    ) -> None:
        self.folder, self.files, self.told, self.resumed, self.tell = folder, files, told, resumed, tell
        self._again, self._rank, self._count = again, rank, count
        self.worked = 0.0
        self._lock: FileLock | None = None
        self._keeps = True
        self._held: dict[str, Callable[[], bytes]] = {}
        if resumed and not rank:
            self._take()

    def part(self, name: str, key: Callable[[], Key]) -> Part:
        """Return what this process keeps of one pass over the data; ``key`` is asked once there is something."""
        return Part(self, f"{name}-{self._rank}" if self._count > 1 else name, key)

    @property
    def takes(self) -> bool:
        """Tell whether something can be kept: of several processes it waits for the folder that the first one makes."""
        return self._keeps and (not self._rank or self.folder.is_dir())

    def hold(self, name: str, content: Callable[[], bytes], seconds: float) -> None:
        """Hold a whole pass, which took so many seconds, until something is worth a folder; of most runs nothing is."""
        if self._keeps:
            self._held[name] = content
            self.worked += seconds

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the folder, the old one or the new one, and what was held until now.

        Where that fails, nothing is kept from then on.
        """
        if not self.takes:
            return
        try:
            if not self._rank:
                self._begin()
            contents = {each: held() for each, held in self._held.items()} | {name: content}
            for each, written in contents.items():
                with replace_file(self.folder / each, ()) as scratch, scratch.open("wb") as file:
                    file.write(written)
                    file.flush()
                    os.fsync(file.fileno())  # or a power cut may leave the new name and an empty file
            self._held.clear()
        except (OSError, SnnfwError) as error:
            self._keeps = False
            self.tell(f"how far this run is, is not kept from here on ({error}): if it is stopped, it starts over.")

    def finish(self) -> None:
        """Remove the folder, if this run made it or went on in it: the results are whole."""
        if self._lock:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Progress:
        """Work in the folder alone."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Leave the folder to whoever goes on, if it is still there."""
        if self._lock:
            self._lock.release()
            self._lock = None

    @property
    def begun(self) -> bool:
        """Tell whether there is a folder."""
        return self.folder.is_dir() if self._rank else self._lock is not None

    def _begin(self) -> None:
        if self._lock:
            return
        if self.folder.exists():
            raise SnnfwError(f"'{self.folder}' is another run's")
        made = write_folder(self.folder, self.files)
        if made != self.folder:
            shutil.rmtree(made, ignore_errors=True)
            raise SnnfwError(f"'{self.folder}' is another run's")
        self._take()
        self.tell(f"how far this run is, is kept in '{self.folder}': if it is stopped, {self._again} goes on.")

    def _take(self) -> None:
        lock = FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise SnnfwError(
                f"another process works in '{self.folder}': wait for it, or stop it, and go on then."
            ) from error
        self._lock = lock


class Part:
    """How far one pass over the data is: tensors by name, in a file with a checksum.

    Raises:
        StaleError: what was kept is damaged, or is of something else than what there is now.

    """

    def __init__(self, progress: Progress, name: str, key: Callable[[], Key]) -> None:
        self.progress, self.name = progress, name
        self._key = key
        self._asked: Key | None = None
        self._begun = time.monotonic()
        self._saved = self._begun - (0.0 if progress.begun else progress.worked)
        self._pause = EVERY
        self.found = self._load() if progress.resumed else None

    def keep(self, state: Callable[[], Mapping[str, Tensor]], last: bool = False) -> None:
        """Keep a state if it is time to; the ``last`` one of a pass is held at least, until something is kept."""
        now = time.monotonic()
        due = now - self._saved >= self._pause or (last and self.progress.begun)
        if not last and not (due and self.progress.takes):
            return
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state().items()}
        if not due or not self.progress.takes:
            self.progress.hold(self._file, partial(self._encode, tensors), now - self._begun)
            return
        self.progress.write(self._file, self._encode(tensors))
        self._saved = time.monotonic()
        self._pause = max(EVERY, SHARE * (self._saved - now))

    def _encode(self, tensors: dict[str, Tensor]) -> bytes:
        facts = {"key": json.dumps(self.key()), "order": json.dumps(list(tensors))}
        return save(tensors, {**facts, "sha256": _checksum(tensors, facts)})

    def key(self) -> Key:
        """Return what has to be as it was."""
        if self._asked is None:
            self._asked = {"what config.yaml says": self.progress.told, **self._key()}
        return self._asked

    @property
    def _file(self) -> str:
        return f"{self.name}.safetensors"

    def _load(self) -> Mapping[str, Tensor] | None:
        path = self.progress.folder / self._file
        if not path.is_file():
            return None
        try:
            with safe_open(path, "pt") as file:
                facts = dict(file.metadata() or {})
                tensors = {name: file.get_tensor(name) for name in json.loads(facts["order"])}
            checksum = facts.pop("sha256")
            whole = _checksum(tensors, facts) == checksum
        except (SafetensorError, OSError, KeyError, ValueError, TypeError):
            whole = False
        if not whole:
            raise StaleError(f"'{path}' is damaged: delete it, and what it stood for is computed again.")
        self._require_same(json.loads(facts["key"]))
        return tensors

    def _require_same(self, before: Key) -> None:
        for what, now in self.key().items():
            if before.get(what) != now:
                short = f" ({before.get(what)}, and now {now})" if len(now) < len(hashlib.sha256().hexdigest()) else ""
                raise StaleError(
                    f"'{self.progress.folder}' cannot be gone on with: {what} is not what it was{short}. Bring that "
                    "back, or delete the folder and begin anew."
                )


def _checksum(tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> str:
    return hashlib.sha256(f"{json.dumps(facts, sort_keys=True)}{digest_by_name(tensors)}".encode()).hexdigest()
