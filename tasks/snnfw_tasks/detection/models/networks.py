"""Build ultralytics' detectors from a description or a checkpoint, and make them ready to be captured."""

from __future__ import annotations

import copy
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

from snnfw import SnnfwError
from snnfw_tasks.detection.library import require_ultralytics
from snnfw_tasks.detection.loss import DetectionLoss, Grids
from snnfw_tasks.detection.models.trust import require_harmless
from snnfw_tasks.detection.sources import Detector

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


HEADS = ("Detect", "v10Detect")
"""The last layers whose output is boxes, each with its class, and nothing else."""


def from_yaml(description: Mapping[str, Any], names: Sequence[str], source: str, trust: bool) -> Any:
    """Return a network with random weights; ``source`` names the description in errors.

    Without ``trust`` the description may not hold anything that would run as code.
    """
    require_ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    if not trust:
        require_harmless(description, source)
    try:
        network = DetectionModel(copy.deepcopy(dict(description)), ch=3, nc=len(names), verbose=False)
    except Exception as error:  # ultralytics' parser raises whatever its code runs into
        reason = (str(error).splitlines() or [""])[0].rstrip(".") or type(error).__name__
        raise SnnfwError(f"'{source}' describes no detector that ultralytics can build: {reason}.") from error
    require_boxes(network, source)
    network.names = dict(enumerate(names))
    return network


def from_checkpoint(path: Path, trust: bool) -> Any:
    """Return the detector of a ``.pt`` file.

    Without ``trust`` it is read with ultralytics' list of allowed types, and nothing in it runs.
    """
    require_ultralytics()
    from ultralytics.nn.tasks import DetectionModel, torch_safe_load

    if not path.is_file():
        raise SnnfwError(f"weights '{path}' do not exist: check the path.")
    try:
        content, _ = torch_safe_load(path, safe_only=not trust)
    except Exception as error:  # ultralytics and pickle raise whatever they run into
        if trust:
            raise SnnfwError(f"weights '{path}' cannot be read: the file is damaged or of another kind.") from error
        raise SnnfwError(
            f"weights '{path}' are damaged, or hold more than ultralytics' own types, which could run as code: "
            "set model.trust=true if you trust the file."
        ) from error
    network = content.get("ema") or content.get("model")
    if not isinstance(network, DetectionModel):
        raise SnnfwError(f"weights '{path}' hold no detector of ultralytics': give one that it trained for detection.")
    require_boxes(network, str(path))
    return network.float()


def require_boxes(network: Any, source: str) -> None:
    """Raise an SnnfwError unless the network gives boxes alone: no masks, points or angles beside them."""
    kind = type(network.model[-1]).__name__
    if kind not in HEADS:
        raise SnnfwError(f"'{source}' ends in {kind}: a detector ends in {' or '.join(HEADS)}.")


def prepare_for_capture(network: Any) -> Any:
    """Return the network as it has to be captured: in eval mode, and with nothing in it from the images it last saw.

    A checkpoint's head remembers the shape of its last batch, to which a capture would bind itself.
    """
    from ultralytics.nn.modules import Detect

    # It computes its anchors anew at every call and keeps them, which torch.export need not tell the user.
    warnings.filterwarnings("ignore", message=r"The tensor attributes? .*(anchors|strides).* during export")
    network.eval()
    for module in network.modules():
        if isinstance(module, Detect):
            module.shape, module.dynamic, module.export = None, True, False
            module.fuse()  # drops the one of two heads that is not in use
    return network


def as_detector(network: Any, names: tuple[str, ...], side: int, source: str) -> Detector:
    """Return a network of ultralytics' with what its training needs, or why it has none."""
    head = network.model[-1]
    if head.end2end:
        return Detector(
            network,
            names,
            side,
            untrainable=f"'{source}' without suppression has no loss here: that head is trained beside the other one. "
            "Leave model.nms out, or train it with ultralytics and give model.weights.",
        )
    loss = partial(DetectionLoss, Grids(head.nc, head.reg_max, tuple(head.stride.tolist())))
    return Detector(network, names, side, loss, head.bias_init)


def remove_suppression(network: Any, source: str) -> None:
    """Take a network's second head, which gives every object one box, or raise an SnnfwError where there is none."""
    if getattr(network.model[-1], "one2one_cv2", None) is None:
        raise SnnfwError(f"model.nms=false needs a network with a head for it, such as yolo26n: '{source}' has none.")
    network.end2end = True
