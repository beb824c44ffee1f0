"""Score detections with ultralytics' own validator: what it makes of outputs, matches and averages."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from snnfw import SnnfwError
from snnfw_tasks.detection.boxes import require_detections
from snnfw_tasks.detection.library import require_ultralytics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from snnfw import Output
    from snnfw_tasks.detection.batches import Truth, Truths

HEADLINE = "mAP50"
METRICS = {HEADLINE: "metrics/mAP50(B)", "mAP50-95": "metrics/mAP50-95(B)"}


class MeanAveragePrecision:
    """The mean average precision over classes at IoU 0.5, and over IoU 0.5 to 0.95, from 0 to 1.

    ``most`` is the largest number of boxes in one image of the data: ultralytics lets that many detections count
    where it is more than its usual limit.
    """

    def __init__(self, names: tuple[str, ...], end2end: bool, most: int) -> None:
        require_ultralytics()
        import torchvision  # noqa: F401  # ultralytics takes its suppression from there, if somebody imported it
        from ultralytics.models.yolo.detect import DetectionValidator
        from ultralytics.utils import USER_CONFIG_DIR

        words = {"task": "detect", "mode": "val", "plots": False, "save_json": False, "verbose": False}
        self._validator = DetectionValidator(save_dir=Path(USER_CONFIG_DIR), args={"model": "snnfw", **words})
        self._validator.training, self._validator.data = False, {}
        self._validator.device = torch.device("cpu")
        images = [{"cls": torch.zeros(most)}]
        self._validator.dataloader = SimpleNamespace(dataset=SimpleNamespace(labels=images))
        self._validator.init_metrics(SimpleNamespace(names=dict(enumerate(names)), end2end=end2end))

    def update(self, output: Output, target: Truths) -> None:
        """Take one batch; an output without an order (NaN) is an error, not a missed object."""
        found = require_detections(output).detach().cpu()
        if found.isnan().any():
            raise SnnfwError("the detector's output holds NaN, so no box can be chosen: check the network's weights.")
        # One image at a time: of several, ultralytics leaves out those for which its time limit leaves no time.
        for index, truth in enumerate(target):
            predictions = self._validator.postprocess(found[index : index + 1])
            self._validator.update_metrics(predictions, as_ultralytics(truth))

    def compute(self) -> dict[str, float]:
        """Return both means over all batches seen."""
        metrics = self._validator.metrics
        seen = {name: list(each) for name, each in metrics.stats.items()}
        stats = self._validator.get_stats()
        metrics.stats = seen  # which it has thrown away
        return {name: float(stats[key]) for name, key in METRICS.items()}

    def state(self) -> dict[str, Tensor]:
        """Return all detections, matched with the truth, and all true boxes' classes."""
        seen = self._validator.metrics.stats
        return {name: torch.from_numpy(np.concatenate(each)) for name, each in seen.items() if each}

    def merge(self, state: Mapping[str, Tensor]) -> None:
        """Put another one's images behind its own."""
        for name, value in state.items():
            self._validator.metrics.stats[name].append(value.numpy())


def as_ultralytics(truth: Truth) -> dict[str, Any]:
    """Return the truth of one image as the batch that ultralytics' validator takes."""
    return {
        "img": torch.empty(1, 3, *truth.side, device="meta"),  # only its height and width are read
        "batch_idx": torch.zeros(len(truth.classes)),
        "cls": truth.classes[:, None],
        "bboxes": truth.boxes,
        "ori_shape": [truth.original],
        "ratio_pad": [truth.ratio_pad],
        "im_file": [truth.file],
    }
