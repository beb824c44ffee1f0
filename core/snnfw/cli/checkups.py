"""The commands that say what is wrong: with a plugin, or with this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from snnfw import doctor as machine
from snnfw.cli.command import open_registry
from snnfw.cli.describing import unknown_offer_error
from snnfw.cli.plugins import load_registry
from snnfw.errors import SnnfwError
from snnfw.kinds import KINDS

if TYPE_CHECKING:
    from snnfw.cli.command import Call


def check(call: Call) -> int:
    """Check what goes by a name, what the plugin of a name offers, or everything; return 0 where it is in order."""
    words = call.words
    named = bool(words) and "=" not in words[0]
    registry, name = load_registry(words[0]) if named else (open_registry(), "")
    chosen = [
        (kind, offer)
        for kind in KINDS
        for offer in registry.all(kind)
        if not named or name in (offer, registry.owner(kind, offer))
    ]
    if not chosen:
        if name not in registry.plugins:
            raise unknown_offer_error(registry, name)
        call.console.print(Text(f"plugin '{name}' registers nothing: there is nothing to check."))
        return 0
    from snnfw.checks.named import check_named  # brings in torch

    verdicts = []
    for kind, offer in chosen:
        for verdict in check_named(registry, kind, offer, words[named:]):
            call.console.print(*map(Text, verdict.lines), sep="\n", soft_wrap=True)
            verdicts.append(verdict)
    failed = any(verdict.faults for verdict in verdicts)
    return 0 if not failed and any(verdict.passed for verdict in verdicts) else 1


def doctor(call: Call) -> int:
    """Examine this machine; return 1 where something required is missing."""
    if call.words:
        raise SnnfwError("'snnfw doctor' takes no arguments.")
    return machine.print_checks(machine.examine(open_registry()), call.console)
