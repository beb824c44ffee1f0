"""Write text that somebody else chose into Markdown, where it stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|&~$!@])|(:)(?=//)")


def escape_markdown(text: object) -> str:
    """Return a text in one line in which nothing is markup: no emphasis, link, cell, HTML, formula or mention."""
    line = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", line)


def code_block(text: str, language: str) -> str:
    """Return a text as a block of code, whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; every cell is escaped, and all but the first column are set to the right."""
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    shown = [line if number == 1 else map(escape_markdown, line) for number, line in enumerate(lines)]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in shown)
