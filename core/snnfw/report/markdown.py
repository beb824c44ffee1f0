"""Write text that somebody else chose into Markdown, where it stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|&~$!@]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def escape_markdown(text: object) -> str:
    """Return a text in one line in which nothing is markup: no emphasis, link, cell, HTML, formula or mention."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", _one_line(text))


def code_span(text: object) -> str:
    """Return a text in one line as code, in which a backslash is one and no backtick ends it."""
    line = _one_line(text)
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", line)), default=0))
    edge = " " * ("`" in line or not line)
    return f"{fence}{edge}{line}{edge}{fence}"


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


def _one_line(text: object) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
