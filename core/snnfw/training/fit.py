"""Run a training with Lightning: in a folder that a killed training can be resumed from, bit for bit on a CPU."""

from __future__ import annotations

import errno
import logging
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger

from snnfw.errors import SnnfwError
from snnfw.ranks.noise import seed_of
from snnfw.ranks.parts import consecutive, part_of
from snnfw.ranks.starter import begin_together
from snnfw.simulate.states import is_mergeable
from snnfw.training.averaging import AverageWeights
from snnfw.training.checkpoint import first_mismatch
from snnfw.training.estimating import TellDuration
from snnfw.training.learner import Learner
from snnfw.training.lines import METRICS, EpochLines
from snnfw.training.network import TrainingNetwork
from snnfw.training.pairs import Pair, make_pair
from snnfw.training.processes import ranks_of
from snnfw.training.settings import TrainerSettings
from snnfw.values import Batch, Batches, Bundle, Resources, Training

LAST = "last.ckpt"


class ProcessBatches:
    """The batches of one of several processes, as plain pairs of inputs and target, which Lightning moves and casts.

    ``count`` is how many they all go through: where this one has fewer, its last batch comes again, because Lightning's
    processes wait for each other at every batch; ``len(own)`` of them are to be scored.
    """

    def __init__(self, own: Batches[Batch], count: int | None = None, spare: Batches[Batch] = ()) -> None:
        self.own, self.spare = own, spare
        self.count = len(own) if count is None else count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Pair]:
        last: Batch | None = None
        for last in self.own:
            yield make_pair(last.inputs, last.target)
        for _ in range(self.count - len(self.own)):
            last = last or next(iter(self.spare))
            yield make_pair(last.inputs, last.target)


class TrainingData(lightning.LightningDataModule):
    """The task's training and evaluation batches, on whatever device Lightning uses."""

    def __init__(
        self,
        training: Training,
        evaluation: Batches[Batch],
        settings: TrainerSettings,
        seed: int,
        shares_scores: bool = False,
    ) -> None:
        super().__init__()
        self.training, self.evaluation, self.settings, self.seed = training, evaluation, settings, seed
        self.shares_scores = shares_scores

    def train_dataloader(self) -> Any:
        """Return the batches of the epoch that begins, in an order that the seed and the epoch fix."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        batches = self.training.batches(self.settings.batch, self.settings.workers, self.seed + epoch)
        ranks = ranks_of(self.trainer)
        each = len(batches) // ranks.count
        return ProcessBatches(part_of(batches, range(ranks.rank, each * ranks.count, ranks.count)))

    def val_dataloader(self) -> Any:
        """Return this process's evaluation batches; all of them where a scorer cannot be put together from parts."""
        ranks = ranks_of(self.trainer)
        if not self.shares_scores:
            return ProcessBatches(self.evaluation)
        total = len(self.evaluation)
        return ProcessBatches(
            part_of(self.evaluation, consecutive(total, ranks)), -(-total // ranks.count), self.evaluation
        )


class SeedEachEpoch(Callback):
    """Seed the generators when an epoch begins, so that one that is resumed draws what it would have drawn."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Seed with the run's seed, the epoch and the process, so that no two processes draw the same noise."""
        del pl_module
        torch.manual_seed(seed_of(self.seed, trainer.current_epoch, trainer.global_rank))


def fit(
    network: TrainingNetwork,
    bundle: Bundle,
    settings: TrainerSettings,
    folder: Path,
    resources: Resources,
    quiet: bool = False,
    devices: int = 1,
    nodes: int = 1,
) -> dict[str, float]:
    """Train, writing logs and the last epoch's checkpoint into ``folder``; go on where it holds one already.

    Returns the scores of the last epoch.

    Raises:
        SnnfwError: the loss is not finite, the disk is full, nothing may change, or the task lacks data or a loss.
        KeyboardInterrupt: someone stopped it.

    """
    training = require_training(bundle)
    shares = devices * nodes > 1 and is_mergeable(bundle.judgement.scorer())
    data = TrainingData(training, bundle.data.evaluation, settings, resources.seed, shares)
    there, processes = len(data.train_dataloader()), devices * nodes
    batches = there // processes
    if not batches:
        raise SnnfwError(
            f"there are {there} batches of training data for {processes} processes, and each needs one: give more "
            "data, or lower trainer.batch."
        )
    steps = -(-batches // settings.accumulate) * settings.epochs
    learner = Learner(network, training.loss, bundle.judgement, settings, steps, shares)
    lines = EpochLines(folder / METRICS)
    average = AverageWeights(settings.average) if settings.average is not None else None
    last = _last(folder, learner)
    if processes > 1:
        begin_together(devices, nodes)
    with _without_chatter(), _let_ctrl_c_through(), _explain_full_disk(folder):
        try:
            watching = [*([average] if average else []), lines, TellDuration(batches, resources.tell)]
            trainer = _trainer(settings, folder, resources, watching, quiet, devices, nodes)
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
    settings: TrainerSettings,
    folder: Path,
    resources: Resources,
    callbacks: list[Callback],
    quiet: bool,
    devices: int,
    nodes: int,
) -> lightning.Trainer:
    kind, _, index = resources.device.partition(":")
    chosen: Any = [int(index)] if index else devices
    keep = ModelCheckpoint(
        dirpath=folder, filename="last", save_top_k=1, every_n_epochs=1, enable_version_counter=False
    )
    return lightning.Trainer(
        accelerator="gpu" if kind == "cuda" else "cpu",
        devices=chosen,
        num_nodes=nodes,
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
