"""Say what was given, what is allowed and what to do next."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SnnfwError", "did_you_mean", "unknown_name_error", "wrong_kind_error"]

FEW = 4
"""Members of a family of names that a message lists one by one."""


class SnnfwError(Exception):
    """A user's mistake or a machine's limit, told in one sentence.

    The command line prints it and exits with ``status``; ``told`` says that another process does so.
    """

    status = 2
    told = False


class StaleError(SnnfwError):
    """What was kept of a run that was stopped is damaged, or belongs to something else than what there is now."""

    status = 3


def wrong_kind_error(what: str, given: object, wanted: str) -> SnnfwError:
    """Return the error for a value of the wrong kind: what it is, and what to give instead."""
    return SnnfwError(f"{what} is {describe_type(given)}: give {wanted}.")


def describe_type(value: object) -> str:
    """Return a value's kind in words: ``a list``, ``an int``, ``the class Mine``, ``nothing``."""
    if value is None or isinstance(value, type):
        return "nothing" if value is None else f"the class {value.__name__}"
    kind = type(value).__name__
    return f"a{'n' * (kind[0] in 'AEIOaeio')} {kind}"


def has_attributes(value: object, *names: str) -> bool:
    """Tell whether a value, no class, has everything of these names."""
    return not isinstance(value, type) and all(hasattr(value, name) for name in names)


def printable(text: str) -> str:
    """Return what somebody wrote without anything that a terminal obeys."""
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the allowed word nearest to ``given``, or an empty string."""
    found = difflib.get_close_matches(given, list(allowed), n=1, cutoff=0.6)
    return f" Did you mean '{found[0]}'?" if found else ""


def list_names(names: Iterable[str]) -> str:
    """Return names in order; of a large family, such as ``family.member``, how many there are."""
    families: dict[str, list[str]] = {}
    for name in sorted(names):
        families.setdefault(name.partition(".")[0], []).append(name)
    told = ([f"{family}.* ({len(those)})"] if len(those) > FEW else those for family, those in families.items())
    return ", ".join(name for those in told for name in those) or "none"


def unknown_name_error(kind: str, given: str, allowed: Iterable[str], listing: str = "Registered") -> SnnfwError:
    """Return the error for a name that nobody registered, with the closest one and the whole list."""
    names = sorted(allowed)
    return SnnfwError(f"no {kind} named '{given}'.{did_you_mean(given, names)} {listing}: {list_names(names)}.")
