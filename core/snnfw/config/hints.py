"""Say how a word is written that is none: a name alone, an option, spaces around '=', a key of another program."""

from __future__ import annotations

import re
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from snnfw.config.lookup import KEY_OF
from snnfw.config.schema import KEYS, METHODS
from snnfw.errors import SnnfwError
from snnfw.training.settings import TrainerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from snnfw.registry import Registry

ALIASES: Mapping[str, str] = {
    "method": "plugin",
    **dict.fromkeys(("t", "n_steps", "num_steps", "simulation_length"), "timesteps"),
    **dict.fromkeys(("dataset", "datasets", "data_set"), "data"),
    **dict.fromkeys(("net", "network", "arch", "architecture"), "model"),
    "preset": "plugin",
    **dict.fromkeys(("output", "output_dir", "outdir", "dir", "folder"), "out"),
    **dict.fromkeys(("ckpt", "resume_from"), "checkpoint"),
    **dict.fromkeys(("config", "cfg"), "experiment"),
    **dict.fromkeys(("lr", "learning_rate"), "trainer.rate"),
    **dict.fromkeys(("batch_size", "batchsize"), "trainer.batch"),
    **dict.fromkeys(("optim", "optimiser"), "trainer.optimizer"),
    "weight_decay": "trainer.decay",
    "energy_model": "energy",
    "random_seed": "seed",
    "gpu": "device",
}
"""What others call a key, in small letters."""

_TRAINER = tuple(field.name for field in fields(TrainerSettings))

ELSEWHERE: Mapping[str, str] = {
    "trainer": "train",
    "resume": "run",
    **dict.fromkeys(("methods", "retarget"), "compare"),
    **dict.fromkeys(("samples", "site", "neurons", "tries", "seconds"), "diagnose"),
    "input": "plan",
}
"""The keys that one command alone has; those that training has not are of a run."""

MISSPELT = 0.8
"""How alike two names are of which one is the other, misspelt."""

BRACKETS = {"[": "]", "{": "}", "(": ")"}


def require_words(words: Sequence[str], keys: Sequence[str], registry: Registry) -> None:
    """Refuse the first word that is no ``key=value``, or whose key there is not, and say how it is written.

    Raises:
        SnnfwError: what was meant is known; a word of which it is not is left to whoever reads it.

    """
    for at, word in enumerate(words):
        fault = (
            _spaced(words, at) or _split(words, at) or _option(words, at, keys) or _alone(words, at, registry, keys)
            or _together(word) or _other_key(word, keys, registry)
        )  # fmt: skip
        if fault:
            raise SnnfwError(fault)


def option_error(words: Sequence[str], at: int, keys: Sequence[str]) -> SnnfwError | None:
    """Return the error for an option that is one of the keys, or None where it is not."""
    fault = _option(words, at, keys)
    return SnnfwError(fault) if fault else None


def _spaced(words: Sequence[str], at: int) -> str | None:
    """Return what is wrong with ``task = classification``, ``task= x`` and ``task =x``."""
    word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
    if word.startswith("="):
        return f"'{word}' has no key in front: write key=value without spaces around '='."
    if following.startswith("=") and "=" not in word:
        value = following[1:] or (words[at + 2] if at + 2 < len(words) else "VALUE")
        return f"there are spaces around '=' behind '{word}': write {word}={value}."
    if word.endswith("=") and following and "=" not in following:
        return f"there is a space behind '{word}': write {word}{following}."
    return None


def _split(words: Sequence[str], at: int) -> str | None:
    """Return what is wrong with a list that the shell has split at its spaces."""
    opened = _open_brackets(words[at])
    if not opened or "=" not in words[at]:
        return None
    for end in range(at + 2, len(words) + 1):
        whole = " ".join(words[at:end])
        if not _open_brackets(whole):
            return (
                f"the shell split '{whole}' at its spaces: put it in quotes, '{whole}', or leave them out, "
                f"{whole.replace(', ', ',').replace(' ', '')}."
            )
    return f"'{words[at]}' lacks a closing {BRACKETS[opened[-1]]}: close it, and put quotes around what has spaces."


def _open_brackets(text: str) -> list[str]:
    opened: list[str] = []
    for char in text:
        if char in BRACKETS:
            opened.append(char)
        elif opened and char == BRACKETS[opened[-1]]:
            opened.pop()
    return opened


def _option(words: Sequence[str], at: int, keys: Sequence[str]) -> str | None:
    """Return what is wrong with ``--plugin adafire`` and ``--plugin=adafire``."""
    if not words[at].startswith("-"):
        return None
    name, equals, value = words[at].lstrip("-").replace("-", "_").partition("=")
    key = _known(name, keys)
    if key is None:
        return None
    following = words[at + 1] if at + 1 < len(words) and not equals else value
    told = following if following and not following.startswith("-") and "=" not in following else "VALUE"
    return f"'{words[at]}' is no option: what is configured is said in words, {key}={told}."


def _known(name: str, keys: Sequence[str]) -> str | None:
    """Return the key of a name, be it one or what others call it."""
    top, dot, _ = name.partition(".")
    if top in keys:
        return name
    if f"{top}s" in keys:  # 'method' of compare, which is one letter short
        return None
    key = ALIASES.get(name.lower())
    return key if key and key.partition(".")[0] in keys and not dot else None


def _alone(words: Sequence[str], at: int, registry: Registry, keys: Sequence[str]) -> str | None:
    """Return what is wrong with a name without a key, a key without a value, and ``task:classification``."""
    word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
    if "=" in word or word.startswith("-"):
        return None
    if word in ("help", "config"):
        return f"'{word}' is an option: write --{word}."
    key, colon, value = word.partition(":")
    if key in keys and (colon or (following and "=" not in following)):
        return f"'{word}' gives no value: write {key}={value or following}."
    chosen = [f"{key}={word}" for kind, key in KEY_OF.items() if word in registry.all(kind) and key in keys]
    if not chosen and word.endswith((".yaml", ".yml")):
        chosen = [f"experiment={word}", f"recipe={word}"]
    elif not chosen and word.endswith(".py"):
        chosen = [f"load=[{word}]"]
    elif not chosen and (Path(word) / "config.yaml").is_file():
        chosen = [f"experiment={Path(word) / 'config.yaml'}"]
    elif not chosen and word.endswith(".snn"):
        chosen = [f"checkpoint={word}"]
    return f"'{word}' says no key: write {' or '.join(chosen)}." if chosen else None


def _together(word: str) -> str | None:
    """Return what is wrong with several words in one pair of quotes."""
    words = word.split()
    several = len(words) > 1 and all(re.match(r"[a-z][\w.]*=", part) for part in words)
    return f"'{word}' is several words in one pair of quotes: leave the quotes out." if several else None


def _other_key(word: str, keys: Sequence[str], registry: Registry) -> str | None:
    """Return where a key that there is not belongs: what others call one, or a parameter without its method's key."""
    key, _, value = word.partition("=")
    top = key.partition(".")[0]
    if top in keys or not top.isidentifier():
        return None
    if (named := _known(key, keys)) is not None:
        return f"no key named '{key}'. Did you mean {named}={'cuda' if key.lower() == 'gpu' else value}?"
    misspelt = get_close_matches(top, keys, n=1, cutoff=MISSPELT)
    owners = [] if misspelt else [f"{owner}.{key}={value}" for owner in _owners(key, keys, registry)]
    if owners:
        return f"no key named '{key}'. Did you mean {' or '.join(owners)}?"
    trainer = key if key in _TRAINER else ALIASES.get(key.lower(), "").removeprefix("trainer.")
    whole = f"trainer.{trainer}" if trainer in _TRAINER else key
    if misspelt:
        return None
    command = ELSEWHERE.get(whole.partition(".")[0], "run" if top in KEYS else None)
    return f"no key named '{key}': {whole} is for 'snnfw {command}'." if command else None


def _owners(name: str, keys: Sequence[str], registry: Registry) -> Iterator[str]:
    """Yield the keys whose methods have a parameter of this name."""
    if "trainer" in keys and name in _TRAINER:
        yield "trainer"
    for key, kind in METHODS.items():
        if key in keys and any(name == field.name for its in registry.all(kind).values() for field in _fields(its)):
            yield key


def _fields(method: Any) -> tuple[Any, ...]:
    return fields(cast("Any", method))
