"""Ultralytics' data set of files that were chosen, each decoded to its end before it is used for the first time.

It imports ultralytics, so that processes that read files find the class here: import it where it is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from ultralytics.data.dataset import YOLODataset

from snnfw import SnnfwError
from snnfw_tasks.detection.data.labels import image_problem

if TYPE_CHECKING:
    from collections.abc import Sequence


class CheckedImages(YOLODataset):  # type: ignore[misc]  # the library is untyped
    """Images with labels that are known; ``decoded`` tells of which all bytes were read already."""

    def __init__(
        self,
        files: list[str],
        entries: list[dict[str, Any]],
        split: str,
        decoded: bool,
        places: Sequence[Path],
        **said: Any,
    ) -> None:
        self._files, self._entries, self._split = files, entries, split
        # In memory that processes share: an image is checked once, whoever reads it first.
        self._decoded = torch.full((len(files),), decoded, dtype=torch.bool).share_memory_()
        super().__init__([str(place) for place in places], **said)
        # It would take an array of this name for the image, and delete one that it cannot read: let it find none.
        self.npy_files = [Path(file) / "none" for file in self.im_files]

    def get_img_files(self, img_path: list[str]) -> list[str]:
        """Return the files."""
        del img_path
        return self._files

    def get_labels(self) -> list[dict[str, Any]]:
        """Return what is in them."""
        self.verify_labels(self._entries, Path(self._split))
        return self._entries

    def load_image(self, i: int, *said: Any, **more: Any) -> Any:
        """Return the decoded image; OpenCV would fill in silence what is missing of it.

        Raises:
            SnnfwError: the file cannot be decoded to its end.

        """
        if not self._decoded[i]:
            if problem := image_problem(Path(self.im_files[i])):
                raise SnnfwError(
                    f"image '{self.im_files[i]}' of the {self._split} split cannot be used ({problem}): repair or "
                    "remove it, or set data.skip_broken=true."
                )
            self._decoded[i] = True
        return super().load_image(i, *said, **more)
