"""Write the reference of what is done with a network from Python out of its docstrings.

    python -m tools.python_reference

The functions stand at the end of docs/reference/python.md, behind a heading each; a test holds the page against them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import snnfw

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "python.md"
BEGIN = "## A network of your own\n"
FUNCTIONS: tuple[Callable[..., Any], ...] = (
    *(snnfw.convert, snnfw.plan, snnfw.evaluate, snnfw.compare, snnfw.load, snnfw.export),
)


def describe(function: Callable[..., Any]) -> str:
    """Return a function's heading, what it does, a row for each argument with its default, and what it raises."""
    text = inspect.getdoc(function) or ""
    summary, _, rest = text.partition("\n\n")
    arguments = parse_arguments(text)
    parameters = inspect.signature(function).parameters
    rows = [f"| `{name}` | {_default(parameters[name])} | {meaning} |" for name, meaning in arguments.items()]
    fault = re.search(r"SnnfwError: (.+?)(?:\n\n|$)", rest, flags=re.DOTALL)
    raised = f"\nAn `SnnfwError` says when {' '.join(fault[1].split())}\n" if fault else ""
    table = "\n".join(["| argument | without it | |", "|---|---|---|", *rows])
    return f"### `snnfw.{function.__name__}`\n\n{_inline(' '.join(summary.split()))}\n\n{table}\n{raised}"


def parse_arguments(text: str) -> dict[str, str]:
    """Return the arguments of a docstring in Google's style with their meanings."""
    _, _, section = text.partition("Args:\n")
    section = re.split(r"\n\n\w+:\n", section)[0]
    found = re.findall(r"^    (\w+): (.+?)(?=^    \w+: |\Z)", section, flags=re.DOTALL | re.MULTILINE)
    return {name: _inline(" ".join(meaning.split())) for name, meaning in found}


def _default(parameter: inspect.Parameter) -> str:
    return "has to be given" if parameter.default is parameter.empty else f"`{parameter.default}`"


def _inline(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


def section() -> str:
    """Return the page's section."""
    return (
        BEGIN
        + "\nThis section is written by `python -m tools.python_reference`.\n\n"
        + "\n".join(map(describe, FUNCTIONS))
    )


def main() -> None:
    """Replace the section in the page."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page.partition(BEGIN)[0].rstrip("\n") + "\n\n" + section(), encoding="utf-8")


if __name__ == "__main__":
    main()
