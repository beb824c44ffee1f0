"""Run a training with Lightning: in a folder that a killed training can be resumed from, bit for bit on a CPU."""

from __future__ import annotations

import errno
import logging
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger

from snnfw.errors import SnnfwError
from snnfw.training.averaging import AverageWeights
from snnfw.training.checkpoint import first_mismatch
from snnfw.training.estimating import TellDuration
from snnfw.training.learner import Learner
from snnfw.training.lines import METRICS, EpochLines
from snnfw.training.network import TrainingNetwork
from snnfw.training.pairs import Pair, make_pair
from snnfw.training.settings import TrainerSettings
from snnfw.values import Batch, Batches, Bundle, Resources, Training

LAST = "last.ckpt"


class ProcessBatches:
    """The batches of one of several processes, every ``processes``-th of them, as many in each.

    They are plain pairs of inputs and target, through which Lightning finds its way to move and to cast them.
    """

    def __init__(self, batches: Batches[Batch], rank: int = 0, processes: int = 1) -> None:
        self.batches, self.rank, self.processes = batches, rank, processes

    def __len__(self) -> int:
        return len(self.batches) // self.processes

    def __iter__(self) -> Iterator[Pair]:
        own = islice(self.batches, self.rank, len(self) * self.processes, self.processes)
        return (make_pair(batch.inputs, batch.target) for batch in own)


class TrainingData(lightning.LightningDataModule):
    """The task's training and evaluation batches, on whatever device Lightning uses."""

    def __init__(self, training: Training, evaluation: Batches[Batch], settings: TrainerSettings, seed: int) -> None:
        super().__init__()
        self.training, self.evaluation, self.settings, self.seed = training, evaluation, settings, seed

    def train_dataloader(self) -> Any:
        """Return the batches of the epoch that begins, in an order that the seed and the epoch fix."""
        epoch, rank, processes = 0, 0, 1
        if self.trainer:
            epoch, rank, processes = self.trainer.current_epoch, self.trainer.global_rank, self.trainer.world_size
        batches = self.training.batches(self.settings.batch, self.settings.workers, self.seed + epoch)
        return ProcessBatches(batches, rank, processes)

    def val_dataloader(self) -> Any:
        """Return the evaluation batches, all of them in every process: scores are then exact."""
        return ProcessBatches(self.evaluation)


class SeedEachEpoch(Callback):
    """Seed the generators when an epoch begins, so that one that is resumed draws what it would have drawn."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Seed with the run's seed and the epoch."""
        del pl_module
        torch.manual_seed((self.seed << 20) + trainer.current_epoch)


def fit(
    network: TrainingNetwork,
    bundle: Bundle,
    settings: TrainerSettings,
    folder: Path,
    resources: Resources,
    quiet: bool = False,
) -> dict[str, float]:
    """Train, writing logs and the last epoch's checkpoint into ``folder``; go on where it holds one already.

    Returns the scores of the last epoch.

    Raises:
        SnnfwError: the loss is not finite, the disk is full, nothing may change, or the task lacks data or a loss.
        KeyboardInterrupt: someone stopped it.

    """
    training = require_training(bundle)
    data = TrainingData(training, bundle.data.evaluation, settings, resources.seed)
    there, processes = len(data.train_dataloader()), settings.devices * settings.nodes
    batches = there // processes
    if not batches:
        raise SnnfwError(
            f"there are {there} batches of training data for {processes} processes, and each needs one: give more "
            "data, or lower trainer.batch."
        )
    steps = -(-batches // settings.accumulate) * settings.epochs
    learner = Learner(network, training.loss, bundle.judgement, settings, steps)
    lines = EpochLines(folder / METRICS)
    average = AverageWeights(settings.average) if settings.average is not None else None
    last = _last(folder, learner)
    with _without_chatter(), _let_ctrl_c_through(), _explain_full_disk(folder):
        try:
            watching = [*([average] if average else []), lines, TellDuration(batches, resources.tell)]
            trainer = _trainer(settings, folder, resources, watching, quiet)
        except (ValueError, RuntimeError, ImportError, MisconfigurationException) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise SnnfwError(f"Lightning cannot train so ({reason}): change the trainer's settings.") from error
        # What Lightning saved is what this folder's training wrote; nothing else in it is unpickled.
        trainer.fit(learner, datamodule=data, ckpt_path=last, weights_only=True)
        if average:
            average.leave(learner)
    return lines.last


def require_training(bundle: Bundle, trainable: Sequence[str] = ()) -> Training:
    """Return what a network is trained with, or raise an SnnfwError that says why there is nothing.

    ``trainable`` are the tasks that have something, as far as that is known.
    """
    if bundle.training is None:
        others = f" Tasks that have: {', '.join(sorted(trainable))}." if trainable else ""
        reason = bundle.untrainable or "this task has no training data and no loss, so nothing can be trained for it."
        raise SnnfwError(f"{reason}{others}")
    return bundle.training


def _last(folder: Path, learner: Learner) -> Path | None:
    """Return the last epoch's checkpoint, if there is one, refusing what this training cannot have left."""
    path = folder / LAST
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)["state_dict"]
        fault = first_mismatch(state, learner.state_dict())
    except Exception as error:  # a damaged file raises whatever its bytes lead to
        raise SnnfwError(f"'{path}' is damaged: delete it to begin anew in its folder.") from error
    if fault:
        raise SnnfwError(f"'{path}' is of another network: {fault}. Delete it to begin anew in its folder.")
    return path


@contextmanager
def _let_ctrl_c_through() -> Iterator[None]:
    """Let Ctrl-C through, which Lightning would turn into an exit of the process, and then never hear again."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
    finally:
        if signal.getsignal(signal.SIGINT) is not before:
            signal.signal(signal.SIGINT, before)


@contextmanager
def _explain_full_disk(folder: Path) -> Iterator[None]:
    """Say how to go on where the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise SnnfwError(
            f"cannot write into '{folder}' ({error.strerror}): make room and go on with resume={folder}."
        ) from error


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Leave out what Lightning tells: that modules are in evaluation mode, say, which they are on purpose."""
    logs = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)


def _trainer(
    settings: TrainerSettings, folder: Path, resources: Resources, callbacks: list[Callback], quiet: bool
) -> lightning.Trainer:
    kind, _, index = resources.device.partition(":")
    devices: Any = [int(index)] if index else settings.devices
    keep = ModelCheckpoint(
        dirpath=folder, filename="last", save_top_k=1, every_n_epochs=1, enable_version_counter=False
    )
    return lightning.Trainer(
        accelerator="gpu" if kind == "cuda" else "cpu",
        devices=devices,
        num_nodes=settings.nodes,
        strategy=settings.strategy,
        precision=settings.precision,
        max_epochs=settings.epochs,
        accumulate_grad_batches=settings.accumulate,
        gradient_clip_val=settings.clip,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        callbacks=[SeedEachEpoch(resources.seed), *callbacks, keep],
        logger=TensorBoardLogger(folder, name=None, version="tensorboard") if settings.tensorboard else False,
        log_every_n_steps=1,
        enable_progress_bar=not quiet,
        enable_model_summary=False,
    )
