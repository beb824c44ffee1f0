"""What a diagnosis is told: a run, and what of it to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from snnfw.config.experiments import read_named_experiment
from snnfw.config.fields import as_plain, build_dataclass
from snnfw.config.given import given_words
from snnfw.config.hints import require_words
from snnfw.config.resolution import resolve_plain
from snnfw.config.schema import KEYS, RunConfig
from snnfw.config.sources import Plain, read_words

if TYPE_CHECKING:
    from snnfw.registry import Registry


@dataclass(frozen=True, slots=True)
class Look:
    """What a diagnosis is told beyond what a run is."""

    samples: Annotated[int, Field(ge=1, description="evaluation samples to look at")] = 64
    site: Annotated[
        str | None, Field(description="the site whose neurons are drawn; without it, the first bad one, or the worst")
    ] = None
    neurons: Annotated[
        tuple[int, ...] | None,
        Field(description="the neurons to draw, by number among the site's; without it, those that are furthest off"),
    ] = None
    tries: Annotated[int, Field(ge=0, description="most conversions to try at the first bad layer; 0 tries none")] = 24
    seconds: Annotated[float, Field(gt=0, description="none of them begins later than this")] = 60.0


WITHOUT_EFFECT = ("save", "tracker", "devices", "nodes")
"""What a run is told and a diagnosis has no use for."""

OWN_KEYS = tuple(own.name for own in fields(Look))
DIAGNOSIS_KEYS = (*OWN_KEYS, *(key for key in KEYS if key not in WITHOUT_EFFECT))


@dataclass(frozen=True, slots=True)
class DiagnosisConfig:
    """One diagnosis, completely: the ``run`` to look into, and the ``look``; ``resolved`` both as plain values."""

    run: RunConfig
    look: Look
    resolved: Mapping[str, Any]
    words: tuple[str, ...] = field(default=(), compare=False)


def resolve_diagnosis(words: Sequence[str], registry: Registry) -> DiagnosisConfig:
    """Return the diagnosis that ``key=value`` words ask for; files of ``load`` join the registry."""
    said = given_words(words, registry)
    require_words(said, DIAGNOSIS_KEYS, registry)
    given = read_words(said, DIAGNOSIS_KEYS)
    readable = (*DIAGNOSIS_KEYS, *WITHOUT_EFFECT)  # the file of a run may be given
    file = read_named_experiment(given, registry, readable)
    own = {key: value for key, value in {**file, **given}.items() if key in OWN_KEYS and value is not None}
    look = build_dataclass(Look, own, "", "the diagnosis")
    rest: Plain = {key: value for key, value in given.items() if key not in OWN_KEYS}
    run = replace(resolve_plain(rest, registry, readable), words=tuple(said))
    kept = {key: value for key, value in run.resolved.items() if key not in (*WITHOUT_EFFECT, *OWN_KEYS)}
    return DiagnosisConfig(run, look, {**kept, **as_plain(look)}, tuple(said))
