"""What a training is told: the schedule, the loss, and what Lightning may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, slots=True)
class TrainerSettings:
    """One training, as the key ``trainer`` configures it.

    The loss is that of the time mean of the outputs, or with ``loss=tet`` the mean of the losses at every timestep
    (Deng et al., "Temporal Efficient Training of Spiking Neural Network via Gradient Re-weighting", ICLR 2022, Eq. 10,
    without its regulariser).
    """

    epochs: Annotated[int, Field(ge=1, description="passes over the training data")] = 20
    optimizer: Annotated[Literal["sgd", "adam", "adamw"], Field(description="how weights follow gradients")] = "sgd"
    rate: Annotated[float, Field(gt=0, description="learning rate at its highest")] = 0.05
    momentum: Annotated[float, Field(ge=0, lt=1, description="momentum, of sgd alone")] = 0.9
    nesterov: Annotated[bool, Field(description="Nesterov's momentum, of sgd alone")] = False
    decay: Annotated[float, Field(ge=0, description="weight decay")] = 5e-4
    schedule: Annotated[
        Literal["cosine", "linear", "constant"], Field(description="how the learning rate falls, along which curve")
    ] = "cosine"
    final: Annotated[float, Field(ge=0, le=1, description="share of the learning rate that it falls to")] = 0.0
    warmup: Annotated[int, Field(ge=0, description="epochs over which the learning rate rises from 0")] = 0
    average: Annotated[
        float | None,
        Field(gt=0, lt=1, description="decay of an average of the weights over steps, which is scored and kept"),
    ] = None
    smoothing: Annotated[float, Field(ge=0, lt=1, description="label smoothing")] = 0.0
    loss: Annotated[Literal["mean", "tet"], Field(description="loss of the mean output, or mean loss over time")] = (
        "mean"
    )
    norm: Annotated[
        Literal["tdbn", "tdbn-code", "batch"],
        Field(description="scale batch norms to the threshold as the paper says, as its authors' code, or not at all"),
    ] = "tdbn"
    start: Annotated[
        Literal["fresh", "given"] | None,
        Field(description="initialise the network anew, or go on with its weights, as is usual where model.weights is"),
    ] = None
    batch: Annotated[int, Field(ge=2, description="samples per batch and process")] = 64
    accumulate: Annotated[int, Field(ge=1, description="batches per optimiser step")] = 1
    clip: Annotated[float | None, Field(gt=0, description="largest norm of the gradient")] = None
    gain: Annotated[
        float, Field(gt=0, description="fresh batch norms start with so many times their gain, whatever norm says")
    ] = 1.0
    spread: Annotated[
        float, Field(ge=0, description="weight of the neurons' spread in the loss: minus the mean deviation of outputs")
    ] = 0.0
    workers: Annotated[int, Field(ge=0, description="processes that load data beside each training process")] = 0
    precision: Annotated[
        Literal["32-true", "64-true", "16-mixed", "bf16-mixed"], Field(description="Lightning's precision")
    ] = "32-true"
    strategy: Annotated[str, Field(description="Lightning's strategy: auto, ddp, ...")] = "auto"
    tensorboard: Annotated[bool, Field(description="log for TensorBoard too, which has to be installed")] = False
