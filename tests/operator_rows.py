"""A row for every operator that the plan knows: a small call of it on spikes, and what is expected of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from networks import noise
from snnfw.planning.kinds import Kind

aten = torch.ops.aten

Call = Callable[[Tensor], Any]
Shape = tuple[int, ...]

IMAGE, LINE, VOLUME, TOKENS, VECTOR = (2, 4, 4), (2, 6), (2, 3, 3, 2), (5, 4), (6,)
"""Shapes of one sample."""


@dataclass(frozen=True, slots=True)
class Row:
    """One call of an operator on spikes [N, *shape], returning a tensor with its samples in dimension 0.

    ``events`` says whether what comes out is made of events, or, of products, whether its MACs are accumulations.
    ``reached`` names the operator that stands in the graph, where torch.export writes the call in another way.
    """

    operator: str
    call: Call
    shape: Shape = IMAGE
    kind: Kind = Kind.LINEAR
    events: bool = False
    reached: str = ""


def move(name: str, call: Call, shape: Shape = IMAGE, reached: str = "") -> Row:
    return Row(name, call, shape, events=True, reached=reached)


def current(name: str, call: Call, shape: Shape = IMAGE, reached: str = "") -> Row:
    return Row(name, call, shape, reached=reached)


def maximum(name: str, call: Call, shape: Shape = IMAGE) -> Row:
    return Row(name, call, shape, Kind.MAXIMUM, events=True)


def analog(name: str, call: Call, shape: Shape = IMAGE, reached: str = "") -> Row:
    return Row(name, call, shape, Kind.ANALOG, reached=reached)


@functools.cache
def w(*shape: int) -> Tensor:
    """Return constant weights, small enough that no error grows."""
    return noise(*shape, seed=sum(shape)) * 0.3


def each(value: Tensor, s: Tensor) -> Tensor:
    """Return a constant for each of the samples."""
    return value.expand(s.shape[0], *value.shape[1:])


def index(*values: int) -> Tensor:
    return torch.tensor(values)


def unit(s: Tensor) -> Tensor:
    """Return numbers between 0.1 and 0.6 or so, for functions that need a domain."""
    return s * 0.2 + 0.1


def channels(s: Tensor) -> Tensor:
    """Return two channels as four."""
    return s.repeat(1, 2, 1, 1)


MASK = torch.tensor([True, False, True, False])
COLUMNS = torch.tensor([[[[0]], [[1]]]]).flip(1)
"""Indices [1, 2, 1, 1] that swap two channels."""


def swapped(s: Tensor) -> Tensor:
    return COLUMNS.expand(s.shape[0], 2, 4, 4)


def filled(s: Tensor, value: float) -> Tensor:
    """Overwrite a channel with a constant."""
    y = s.clone()
    y[:, 0] = value
    return y


def unpooled3(s: Tensor) -> Tensor:
    values, indices = F.max_pool3d(s, 2, return_indices=True)
    return F.max_unpool3d(values, indices, [2, 2, 2], output_size=list(s.shape))


def shifted(s: Tensor) -> Tensor:
    """Write a slice into zeros, as temporal shift modules do."""
    out = torch.zeros_like(s)
    out[:, :1] = s[:, 1:]
    return out


MOVES = (
    move("cat", lambda s: aten.cat([s, s[:, :1]], 1)),
    move("stack", lambda s: aten.stack([s, s], 1)),
    move("hstack", lambda s: aten.hstack([s, s])),
    move("vstack", lambda s: aten.vstack([s.movedim(0, 1)[0].t(), s.movedim(0, 1)[1].t()]).t(), LINE),
    move("dstack", lambda s: aten.dstack([s, s])),
    move("column_stack", lambda s: aten.column_stack([s, s])),
    move("reshape", lambda s: aten.reshape(s, [-1, 8, 4])),
    move("flatten", lambda s: aten.flatten(s, 1), reached="reshape"),
    move("unflatten", lambda s: aten.unflatten(s, 2, [2, 2]), reached="reshape"),
    move("view_as", lambda s: aten.view_as(s, s.clone()), reached="reshape"),
    move("reshape_as", lambda s: aten.reshape_as(s, s.clone()), reached="reshape"),
    move("transpose", lambda s: aten.transpose(s, 1, 2)),
    move("t", lambda s: aten.t(aten.t(s)), VECTOR),
    move("permute", lambda s: aten.permute(s, [0, 2, 3, 1])),
    move("movedim", lambda s: aten.movedim(s, 1, 3), reached="permute"),
    move("select", lambda s: aten.select(s, 1, 1)),
    move("slice", lambda s: aten.slice(s, 2, 1, 4, 2)),
    move("narrow", lambda s: aten.narrow(s, 2, 1, 2), reached="slice"),
    move("chunk", lambda s: aten.chunk(s, 2, 2)[1], reached="split"),
    move("split", lambda s: aten.split(s, 3, 2)[0]),
    move("split_with_sizes", lambda s: aten.split_with_sizes(s, [1, 3], 2)[1]),
    move("tensor_split", lambda s: aten.tensor_split(s, 2, 2)[1], reached="slice"),
    move("unsafe_split", lambda s: aten.unsafe_split(s, 2, 2)[1]),
    move("unsafe_chunk", lambda s: aten.unsafe_chunk(s, 2, 2)[1], reached="unsafe_split"),
    move("unbind", lambda s: aten.unbind(s, 1)[1]),
    move("getitem", lambda s: aten.unbind(s, 2)[3]),
    move("unsqueeze", lambda s: aten.unsqueeze(s, 1)),
    move("squeeze", lambda s: aten.squeeze(s[:, :1], 1)),
    move("expand", lambda s: aten.expand(s[:, :1], [-1, 3, 4, 4])),
    move("expand_as", lambda s: aten.expand_as(s[:, :1], s), reached="expand"),
    move("broadcast_tensors", lambda s: torch.broadcast_tensors(s[:, :1], s)[0]),
    move("repeat", lambda s: aten.repeat(s, [1, 2, 1, 1])),
    move("tile", lambda s: aten.tile(s, [1, 2, 1, 1])),
    move("repeat_interleave", lambda s: aten.repeat_interleave(s, 2, 1)),
    move("clone", lambda s: aten.clone(s)),
    move("contiguous", lambda s: s.transpose(1, 2).contiguous(), reached="clone"),
    move("_to_copy", lambda s: s.to(torch.float32).to(torch.float64)),
    move("to", lambda s: aten.to(s.float(), torch.float64), reached="_to_copy"),
    move("type_as", lambda s: aten.type_as(s, w(1))),
    move("detach", lambda s: aten.detach(s)),
    move("lift_fresh_copy", lambda s: aten.lift_fresh_copy(s), reached="clone"),
    move("roll", lambda s: aten.roll(s, [1], [2])),
    move("flip", lambda s: aten.flip(s, [2])),
    move("rot90", lambda s: aten.rot90(s, 1, [2, 3])),
    move("pad", lambda s: F.pad(s, (1, 0, 0, 2))),
    move("pad", lambda s: F.pad(s, (1, 1, 2, 2), mode="reflect")),
    move("pad", lambda s: F.pad(s, (1, 1, 2, 2), mode="circular")),
    current("pad", lambda s: F.pad(s, (1, 0, 0, 2), value=0.25)),
    move("constant_pad_nd", lambda s: aten.constant_pad_nd(s, [1, -1])),
    current("constant_pad_nd", lambda s: aten.constant_pad_nd(s, [1, 1], 0.5)),
    move("reflection_pad1d", lambda s: aten.reflection_pad1d(s, [1, 2]), LINE),
    move("reflection_pad2d", lambda s: aten.reflection_pad2d(s, [1, 1, 2, 0])),
    move("reflection_pad3d", lambda s: aten.reflection_pad3d(s, [1] * 6), VOLUME),
    move("replication_pad1d", lambda s: aten.replication_pad1d(s, [1, 2]), LINE),
    move("replication_pad2d", lambda s: aten.replication_pad2d(s, [1, 1, 2, 0])),
    move("replication_pad3d", lambda s: aten.replication_pad3d(s, [1] * 6), VOLUME),
    move("pixel_shuffle", lambda s: aten.pixel_shuffle(channels(s), 2)),
    move("pixel_unshuffle", lambda s: aten.pixel_unshuffle(s, 2)),
    move("channel_shuffle", lambda s: aten.channel_shuffle(channels(s), 2)),
    move("unfold", lambda s: aten.unfold(s, 2, 3, 1)),
    move("im2col", lambda s: F.unfold(s, 3, padding=1)),
    move("upsample_nearest1d", lambda s: F.interpolate(s, size=8), LINE),
    move("upsample_nearest2d", lambda s: F.interpolate(s, size=(6, 3))),
    move("upsample_nearest3d", lambda s: F.interpolate(s, size=(4, 2, 3)), VOLUME),
    move("_upsample_nearest_exact1d", lambda s: F.interpolate(s, size=8, mode="nearest-exact"), LINE),
    move("_upsample_nearest_exact2d", lambda s: F.interpolate(s, size=(6, 3), mode="nearest-exact")),
    move("_upsample_nearest_exact3d", lambda s: F.interpolate(s, size=(4, 2, 3), mode="nearest-exact"), VOLUME),
    move("slice_scatter", lambda s: aten.slice_scatter(s, s[:, 1:], 1, 0, 1)),
    move("slice_scatter", shifted),
    move("select_scatter", lambda s: aten.select_scatter(s, s[:, 0], 1, 1)),
    move("fill", lambda s: filled(s, 0.0), reached="slice_scatter"),
    current("select_scatter", lambda s: filled(s, 0.5)),
    move("copy", lambda s: aten.copy(s[:, :1], s[:, 1:])),
    move("copy", lambda s: aten.copy(s, s[:, 1:])),
    move("diagonal", lambda s: aten.diagonal(s, 1, 2, 3)),
    move("diagonal_scatter", lambda s: aten.diagonal_scatter(s, s[:, :, 0], 0, 2, 3)),
    move("diag_embed", lambda s: aten.diag_embed(s), VECTOR),
    move("tril", lambda s: aten.tril(s)),
    move("triu", lambda s: aten.triu(s, 1)),
)

AVERAGES = (
    move("avg_pool1d", lambda s: F.avg_pool1d(s, 3, 2, 1), LINE),
    move("avg_pool1d", lambda s: F.avg_pool1d(s, 4, 3, 1, ceil_mode=True, count_include_pad=False), LINE),
    move("avg_pool2d", lambda s: F.avg_pool2d(s, 2)),
    move("avg_pool2d", lambda s: F.avg_pool2d(s, 3, 2, 1)),
    move("avg_pool2d", lambda s: F.avg_pool2d(s, 3, 2, ceil_mode=True)),
    move("avg_pool2d", lambda s: F.avg_pool2d(s, (3, 2), 1, (1, 0), count_include_pad=False)),
    move("avg_pool2d", lambda s: F.avg_pool2d(s, 2, divisor_override=3)),
    move("avg_pool3d", lambda s: F.avg_pool3d(s, 2, 1, ceil_mode=True), VOLUME),
    move("avg_pool3d", lambda s: F.avg_pool3d(s, (2, 3, 2), 2, 1, count_include_pad=False), VOLUME),
    move("adaptive_avg_pool1d", lambda s: F.adaptive_avg_pool1d(s, 4), LINE),
    move("adaptive_avg_pool1d", lambda s: F.adaptive_avg_pool1d(s, 7), LINE),
    move("adaptive_avg_pool2d", lambda s: F.adaptive_avg_pool2d(s, (3, 7))),
    move("adaptive_avg_pool2d", lambda s: F.adaptive_avg_pool2d(s, 1)),
    move("_adaptive_avg_pool2d", lambda s: aten._adaptive_avg_pool2d(s, [3, 2])),
    move("adaptive_avg_pool3d", lambda s: F.adaptive_avg_pool3d(s, (2, 4, 1)), VOLUME),
    move("_adaptive_avg_pool3d", lambda s: aten._adaptive_avg_pool3d(s, [2, 2, 3]), VOLUME),
    move("mean", lambda s: s.mean((2, 3))),
    move("mean", lambda s: s.mean(-1, keepdim=True)),
    move("sum", lambda s: s.sum((1, 2)) * 0.3),
)

SUMS = (
    move("add", lambda s: aten.add(s, s.flip(2))),
    move("add", lambda s: aten.add(s, s.flip(2), alpha=0.5)),
    move("add", lambda s: aten.add(s[:, :, :2], s[:, :1, 2:])),
    move("add", lambda s: s + 0),
    current("add", lambda s: s + 0.3),
    current("add", lambda s: s + w(2, 1, 1)),
    move("sub", lambda s: aten.sub(s, s.flip(2))),
    current("rsub", lambda s: aten.rsub(s, 0.7)),
    move("neg", lambda s: aten.neg(-s)),
    move("positive", lambda s: aten.positive(s) * 1, reached="mul"),
    move("dropout", lambda s: aten.dropout(s, 0.5, False) * 1, reached="mul"),
    move("feature_dropout", lambda s: aten.feature_dropout(s, 0.5, False) * 1, reached="mul"),
)

WEIGHTED_SUMS = (
    current("cumsum", lambda s: s.cumsum(2) * 0.5),
    current("diff", lambda s: s.diff(dim=2)),
    current("upsample_linear1d", lambda s: F.interpolate(s, size=9, mode="linear"), LINE),
    current("upsample_bilinear2d", lambda s: F.interpolate(s, size=(6, 7), mode="bilinear")),
    current("_upsample_bilinear2d_aa", lambda s: F.interpolate(s, size=(3, 3), mode="bilinear", antialias=True)),
    current("upsample_trilinear3d", lambda s: F.interpolate(s, size=(4, 4, 3), mode="trilinear"), VOLUME),
    current("upsample_bicubic2d", lambda s: F.interpolate(s, size=(6, 7), mode="bicubic")),
    current("_upsample_bicubic2d_aa", lambda s: F.interpolate(s, size=(3, 3), mode="bicubic", antialias=True)),
    current("batch_norm", lambda s: F.batch_norm(s, w(2), w(2).abs() + 1, w(2), w(2))),
    current("col2im", lambda s: F.fold(F.unfold(s, 2), (4, 4), 2) * 0.5),
    current("fft_rfft2", lambda s: torch.fft.irfft2(torch.fft.rfft2(s) * 0.5, s=(4, 4))),
    current("fft_irfft2", lambda s: torch.fft.irfft2(torch.fft.rfft2(s), s=(4, 4))),
    current("fft_rfft", lambda s: torch.view_as_real(torch.fft.rfft(s)) * 0.3),
    current("fft_irfft", lambda s: torch.fft.irfft(torch.fft.rfft(s), n=4)),
    current("fft_fft", lambda s: torch.fft.fft(s).real * 0.3),
    current("fft_ifft", lambda s: torch.fft.ifft(torch.fft.fft(s)).real),
    current("fft_fft2", lambda s: torch.fft.fft2(s).real * 0.1),
    current("fft_ifft2", lambda s: torch.fft.ifft2(torch.fft.fft2(s)).real),
    current("view_as_real", lambda s: torch.view_as_real(torch.fft.rfft(s)) * 0.3),
    current("view_as_complex", lambda s: (torch.view_as_complex(s.reshape(-1, 2, 4, 2, 2)) * (0.2 + 0.1j)).abs()),
)

PRODUCTS = (
    move("mul", lambda s: s * 0.5),
    move("mul", lambda s: s * w(2, 1, 1)),
    move("mul", lambda s: w(3, 2, 1, 1).unsqueeze(1).mul(s.unsqueeze(0)).movedim(0, 1) * 1),
    current("mul", lambda s: (s + 0.3) * 0.5),
    analog("mul", lambda s: s * s.flip(1) * 0.3),
    move("matmul", lambda s: s @ w(4, 3)),
    move("matmul", lambda s: w(3, 4) @ s),
    analog("matmul", lambda s: s @ s.transpose(2, 3) * 0.1),
    move("mm", lambda s: aten.mm(s, w(6, 3)), VECTOR),
    move("bmm", lambda s: aten.bmm(s, each(w(1, 4, 3), s)), TOKENS),
    move("mv", lambda s: aten.mv(s, w(6)).unsqueeze(1), VECTOR),
    move("einsum", lambda s: torch.einsum("nchw,wk->nchk", s, w(4, 3))),
    move("einsum", lambda s: torch.einsum("nchw->nhwc", s)),
    move("einsum", lambda s: torch.einsum("nchw->nch", s) * 0.3),
    analog("einsum", lambda s: torch.einsum("nchw,nchv->nwv", s, s) * 0.1),
    move("linear", lambda s: F.linear(s, w(3, 4), w(3))),
    move("addmm", lambda s: torch.addmm(w(3), s, w(6, 3)), VECTOR),
    move("addmv", lambda s: torch.addmv(w(1), s, w(6)).unsqueeze(1), VECTOR),
    move("baddbmm", lambda s: torch.baddbmm(w(1, 1, 3), s, each(w(1, 4, 3), s)), TOKENS),
    move("bilinear", lambda s: F.bilinear(s, each(w(1, 2), s), w(3, 6, 2)), VECTOR),
    analog("baddbmm", lambda s: torch.baddbmm(s, s, s) * 0.1, (4, 4), reached="bmm"),
    analog("bilinear", lambda s: F.bilinear(s, s, w(3, 6, 6)) * 0.1, VECTOR, reached="matmul"),
    move("tensordot", lambda s: torch.tensordot(s, w(4, 3), ([3], [0]))),
    move("inner", lambda s: torch.inner(s, w(3, 6)), VECTOR),
    move("outer", lambda s: torch.outer(s[:, 0], w(3)), (1,)),
    move("linalg_vecdot", lambda s: torch.linalg.vecdot(s, w(4))),
    move("conv1d", lambda s: F.conv1d(s, w(3, 2, 3), w(3), padding=1), LINE),
    move("conv2d", lambda s: F.conv2d(s, w(3, 2, 3, 3), w(3), padding=1)),
    move("conv2d", lambda s: F.conv2d(s, w(4, 1, 3, 3), stride=2, padding=1, groups=2)),
    move("conv3d", lambda s: F.conv3d(s, w(3, 2, 2, 2, 2), dilation=1), VOLUME),
    move("convolution", lambda s: aten.convolution(s, w(3, 2, 1, 1), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)),
    move("conv_transpose1d", lambda s: F.conv_transpose1d(s, w(2, 3, 2), stride=2), LINE),
    move("conv_transpose2d", lambda s: F.conv_transpose2d(s, w(2, 3, 2, 2), stride=2)),
    move("conv_transpose3d", lambda s: F.conv_transpose3d(s, w(2, 3, 2, 2, 2)), VOLUME),
)

QUOTIENTS = (
    move("div", lambda s: s / 2),
    move("div", lambda s: s / (w(2, 1, 1).abs() + 1)),
    current("div", lambda s: (s + 0.3) / 2),
    analog("div", lambda s: w(2, 1, 1) / (s + 2)),
    analog("div", lambda s: torch.div(s + 0.03, 0.25, rounding_mode="floor") * 0.2),
)

INDEXING = (
    move("index", lambda s: s[:, :, index(3, 0, 0)]),
    move("gather", lambda s: aten.gather(s, 1, swapped(s))),
    move("index_select", lambda s: s.index_select(2, index(3, 0, 0))),
    analog("embedding", lambda s: F.embedding(s[:, 0, 0].argmax(1), w(5, 3)) + s[:, :1, 0, 0]),
    move("masked_fill", lambda s: s.masked_fill(MASK, 0.0)),
    current("masked_fill", lambda s: s.masked_fill(MASK, 0.4)),
    move("where", lambda s: torch.where(MASK, s, s.flip(1))),
    move("where", lambda s: torch.where(MASK, s, 0.0)),
    current("where", lambda s: torch.where(MASK, w(2, 4, 4), s)),
    analog("where", lambda s: torch.where(s > 0.31, s, -s) * 0.5),
    current("masked_scatter", lambda s: s.masked_scatter(MASK.expand_as(s) | True, s.flip(1))),
    current("index_put", lambda s: s.index_put((torch.arange(s.shape[0]).unsqueeze(1), index(0)), s[:, 1:])),
    current("index_add", lambda s: s.index_add(1, index(0, 0), s.flip(1))),
    current("index_copy", lambda s: s.index_copy(2, index(1), s[:, :, :1])),
    current("index_fill", lambda s: s.index_fill(2, index(0, 3), 0.4)),
    current("scatter", lambda s: aten.scatter(s, 1, swapped(s), s.flip(2))),
    current("scatter_add", lambda s: aten.scatter_add(s, 1, swapped(s), s.flip(2))),
    analog("scatter_reduce", lambda s: s.scatter_reduce(1, swapped(s), s.flip(2), "amax")),
    analog("max_unpool2d", lambda s: F.max_unpool2d(*F.max_pool2d(s + w(2, 4, 4), 2, return_indices=True), [2, 2])),
    analog("max_unpool3d", lambda s: unpooled3(s + w(2, 3, 3, 2)), VOLUME),
)

MAXIMA = (
    maximum("max_pool1d", lambda s: F.max_pool1d(s, 3, 2, 1), LINE),
    maximum("max_pool2d", lambda s: F.max_pool2d(s, 3, 2, 1)),
    maximum("max_pool2d", lambda s: F.max_pool2d(s, 2, ceil_mode=True, dilation=2, stride=1)),
    maximum("max_pool3d", lambda s: F.max_pool3d(s, 2, 1), VOLUME),
    maximum("max_pool1d_with_indices", lambda s: F.max_pool1d(s, 2, return_indices=True)[0], LINE),
    maximum("max_pool2d_with_indices", lambda s: F.max_pool2d(s, 2, return_indices=True)[0]),
    maximum("max_pool3d_with_indices", lambda s: F.max_pool3d(s, 2, 1, return_indices=True)[0], VOLUME),
    maximum("adaptive_max_pool1d", lambda s: F.adaptive_max_pool1d(s, 4), LINE),
    maximum("adaptive_max_pool2d", lambda s: F.adaptive_max_pool2d(s, 3)),
    maximum("adaptive_max_pool3d", lambda s: F.adaptive_max_pool3d(s, 2), VOLUME),
    maximum("amax", lambda s: s.amax((2, 3))),
    maximum("max", lambda s: s.max(2)[0]),
    analog("max", lambda s: torch.max(s, s.flip(1) + 0.1)),
)


def _called(function: Callable[..., Tensor], prepare: Call, s: Tensor) -> Tensor:
    return function(prepare(s))


def _of_two(function: Callable[..., Tensor], s: Tensor) -> Tensor:
    return function(s, s.flip(1) + 0.05) * 0.5


def _compared(function: Callable[..., Tensor], s: Tensor) -> Tensor:
    return function(s, 0.3141) * s


def _below(function: Call, s: Tensor) -> Any:
    return function(s - 0.2)


def elementwise(names: str, prepare: Call) -> tuple[Row, ...]:
    """Return rows for functions of one number, called by their operators' names."""
    return tuple(analog(name, functools.partial(_called, getattr(aten, name), prepare)) for name in names.split())


ANALOG = (
    *elementwise("sqrt rsqrt log log2 log10 log1p reciprocal", lambda s: s * 0.3 + 0.5),
    *elementwise("exp exp2 expm1 sin cos tan sinh cosh abs square sinc", lambda s: s * 0.5 - 0.2),
    *elementwise("asin acos atan asinh atanh erf erfc erfinv log_sigmoid deg2rad", unit),
    *elementwise("floor ceil trunc frac sign sgn", lambda s: s * 0.05 + 0.3),
    analog("round", lambda s: aten.round(s * 0.1 + 0.1)),
    *elementwise("sigmoid tanh hardsigmoid", lambda s: s - 0.2),
    analog("acosh", lambda s: aten.acosh(s * 0.3 + 1.5)),
    analog("nan_to_num", lambda s: aten.nan_to_num(s - 0.2)),
    analog("threshold", lambda s: aten.threshold(s, 0.31, 0.0)),
    analog("pow", lambda s: unit(s).pow(2)),
    analog("float_power", lambda s: aten.float_power(unit(s), 1.5)),
    analog("clamp", lambda s: s.clamp(0.1, 0.5)),
    analog("clamp_min", lambda s: aten.clamp_min(s, 0.2)),
    analog("clamp_max", lambda s: aten.clamp_max(s, 0.5)),
    *(
        analog(name, functools.partial(_of_two, getattr(aten, name)))
        for name in ["minimum", "maximum", "fmin", "fmax", "atan2", "hypot", "logaddexp", "copysign"]
    ),
    analog("min", lambda s: s.min(2)[0]),
    analog("amin", lambda s: s.amin(1)),
    analog("softmax", lambda s: s.softmax(1)),
    analog("softmax", lambda s: (s + MASK.double().log()).softmax(-1)),
    analog("_softmax", lambda s: aten._softmax(s, 1, False)),
    analog("log_softmax", lambda s: s.log_softmax(1)),
    analog("_log_softmax", lambda s: aten._log_softmax(s, 1, False)),
    analog("logsumexp", lambda s: s.logsumexp(1)),
    analog("logcumsumexp", lambda s: s.logcumsumexp(1)),
    analog("layer_norm", lambda s: F.layer_norm(s + w(4, 1), (4, 4)) * 0.2),
    analog("native_layer_norm", lambda s: aten.native_layer_norm(s + w(4, 1), [4, 4], None, None, 1e-5)[0] * 0.2),
    analog("group_norm", lambda s: F.group_norm(s, 1) * 0.2),
    analog("native_group_norm", lambda s: aten.native_group_norm(s, None, None, s.shape[0], 2, 16, 1, 1e-5)[0] * 0.2),
    analog("rms_norm", lambda s: F.rms_norm(s, (4, 4)) * 0.2),
    analog("_fused_rms_norm", lambda s: aten._fused_rms_norm(s, [4, 4], None, 1e-5)[0] * 0.2),
    analog("instance_norm", lambda s: F.instance_norm(s) * 0.2),
    analog("scaled_dot_product_attention", lambda s: F.scaled_dot_product_attention(s, s, s), reached="softmax"),
    analog(
        "scaled_dot_product_attention",
        lambda s: F.scaled_dot_product_attention(s, s, s, attn_mask=s),
        reached="softmax",
    ),
    analog("norm", lambda s: aten.norm(s + 0.3, 2, [1]) * 0.5),
    analog("linalg_vector_norm", lambda s: torch.linalg.vector_norm(s + 0.3, dim=1) * 0.5),
    analog("cosine_similarity", lambda s: F.cosine_similarity(s + 0.3, s.flip(1) + w(2, 4, 4), 2) * 0.3),
    analog("pairwise_distance", lambda s: F.pairwise_distance(s, s.flip(1) + 0.7) * 0.3),
    analog("var", lambda s: s.var(1)),
    analog("std", lambda s: (s + w(4, 4)).std((2, 3))),
    analog("var_mean", lambda s: torch.var_mean(s, 2)[0]),
    analog("std_mean", lambda s: torch.std_mean(s + w(4, 4), (1, 2))[1]),
    analog("prod", lambda s: unit(s).prod(1)),
    analog("cumprod", lambda s: unit(s).cumprod(1)),
    analog("cummax", lambda s: s.cummax(2)[0]),
    analog("cummin", lambda s: s.cummin(2)[0]),
    analog("median", lambda s: s.median(2)[0]),
    analog("kthvalue", lambda s: s.kthvalue(2, 2)[0]),
    analog("grid_sampler", lambda s: F.grid_sample(s, each(w(1, 4, 4, 2), s), align_corners=False)),
    analog("grid_sampler_2d", lambda s: aten.grid_sampler_2d(s, each(w(1, 4, 4, 2), s), 0, 0, False)),
    analog("grid_sampler_3d", lambda s: aten.grid_sampler_3d(s, each(w(1, 2, 2, 2, 3), s), 0, 0, False), VOLUME),
    analog("cdist", lambda s: torch.cdist(s, s + 0.5) * 0.3, TOKENS),
    analog("addcmul", lambda s: torch.addcmul(s, s, s.flip(1), value=0.1)),
    analog("addcdiv", lambda s: torch.addcdiv(s, s, s + 2, value=0.1)),
    analog("lerp", lambda s: torch.lerp(s, s.flip(1), 0.3)),
    analog("glu", lambda s: F.glu(s, 1)),
    analog("linalg_cross", lambda s: torch.linalg.cross(s[:, :, :3], s[:, :, 1:].flip(1), dim=2) * 0.3),
)


def compared(name: str) -> Row:
    """Return a row for a comparison with a number that no element comes near to."""
    return analog(name, functools.partial(_compared, getattr(aten, name)))


CHOICES = (
    analog("topk", lambda s: s.topk(2, 2)[0]),
    analog("sort", lambda s: s.sort(2)[0]),
    analog("argsort", lambda s: s.gather(2, s.argsort(2))),
    analog("argmax", lambda s: s[:, 0] * s.argmax(1) * 0.3),
    analog("argmin", lambda s: s[:, 0] * s.argmin(1) * 0.3),
    *(compared(name) for name in ["ne", "lt", "le", "gt", "ge"]),
    analog("eq", lambda s: (s == s.amax(2, keepdim=True)) * s * 0.5),
    current("logical_and", lambda s: aten.logical_and(s > 0.3141, s.flip(1) > 0.2718) * s),
    current("logical_or", lambda s: aten.logical_or(s > 0.3141, s.flip(1) > 0.2718) * s),
    current("logical_xor", lambda s: aten.logical_xor(s > 0.3141, s.flip(1) > 0.2718) * s),
    current("logical_not", lambda s: aten.logical_not(s > 0.3141) * s),
    current("bitwise_and", lambda s: ((s > 0.3141) & (s.flip(1) > 0.2718)) * s),
    current("bitwise_or", lambda s: ((s > 0.3141) | (s.flip(1) > 0.2718)) * s),
    current("bitwise_xor", lambda s: ((s > 0.3141) ^ (s.flip(1) > 0.2718)) * s),
    current("bitwise_not", lambda s: ~(s > 0.3141) * s),
    analog("isnan", lambda s: s * ~aten.isnan(s)),
    analog("isinf", lambda s: s * ~aten.isinf(s)),
    analog("isfinite", lambda s: s * aten.isfinite(s)),
    current("any", lambda s: s[:, 0] * (s > 0.3141).any(1)),
    current("all", lambda s: s[:, 0] * (s > 0.3141).all(1)),
    analog("floor_divide", lambda s: aten.floor_divide(s + 0.03, 0.25) * 0.1),
    analog("remainder", lambda s: aten.remainder(s + 0.03, 0.25)),
    analog("fmod", lambda s: aten.fmod(s + 0.03, 0.25)),
    analog("bucketize", lambda s: s * torch.bucketize(s, w(3).abs().cumsum(0)) * 0.3),
    analog("searchsorted", lambda s: s * torch.searchsorted(w(3).abs().cumsum(0), s) * 0.3),
    current("count_nonzero", lambda s: s[:, 0] * torch.count_nonzero(s > 0.3141, 1) * 0.3),
    analog("isclose", lambda s: s * torch.isclose(s, s.amax(2, keepdim=True)) * 0.5),
)

SITES = tuple(
    Row(name, functools.partial(_below, function), kind=Kind.SPIKING, events=True)
    for name, function in {
        "relu": F.relu,
        "relu6": F.relu6,
        "hardtanh": lambda x: F.hardtanh(x, -0.1, 0.3),
        "hardswish": F.hardswish,
        "silu": F.silu,
        "gelu": F.gelu,
        "mish": F.mish,
        "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
        "rrelu": F.rrelu,
        "elu": lambda x: F.elu(x, 0.7),
        "celu": F.celu,
        "selu": F.selu,
        "prelu": lambda x: F.prelu(x, w(2)),
        "softplus": F.softplus,
    }.items()
)
"""Activations, at which neurons are placed."""

SHAPES_ONLY = (
    current("new_full", lambda s: s[:, 0] + s.new_full((s.shape[0], 4, 4), 0.2)),
    move("new_zeros", lambda s: torch.cat([s, s.new_zeros((s.shape[0], 1, 4, 4))], 1)),
    Row("new_zeros", lambda s: s[:, 0] + s.new_zeros((4,)), kind=Kind.STATIC, events=True),
    current("new_ones", lambda s: s[:, 0] - s.new_ones((s.shape[0], 4, 4)) * 0.1),
    current("new_zeros", lambda s: s[:, 0] + s.new_empty((s.shape[0], 4, 4)).fill_(0.2)),
    move("zeros_like", lambda s: torch.cat([s, torch.zeros_like(s)], 1)),
    current("ones_like", lambda s: s - torch.ones_like(s) * 0.1),
    current("full_like", lambda s: s + torch.full_like(s, 0.2)),
    current("zeros_like", lambda s: s + torch.empty_like(s).fill_(0.2)),
    current("fill", lambda s: s + aten.fill(s, 0.3)),
    move("fill", lambda s: torch.cat([s, aten.fill(s, 0.0)], 1)),
)

ROWS = (
    *MOVES, *AVERAGES, *SUMS, *WEIGHTED_SUMS, *PRODUCTS, *QUOTIENTS, *INDEXING, *MAXIMA, *ANALOG, *CHOICES, *SHAPES_ONLY, *SITES
)  # fmt: skip
