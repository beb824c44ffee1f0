"""Run the pages that are code from top to bottom, write down what they print, and make their notebooks.

    python -m tools.notebooks

A block of text behind a block of Python is what that prints. A test runs every page and holds both against it.
"""

from __future__ import annotations

import json
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
NOTEBOOKS = {
    "docs/index.md": None,
    "docs/tutorials/ten-minutes.md": "examples/ten_minutes.ipynb",
    "docs/tutorials/cost.md": "examples/cost.ipynb",
    "docs/tutorials/neuron.md": "examples/neuron.ipynb",
}
"""Pages that run, each with its notebook, or None."""

CODE = re.compile(r"^```python\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?\n?", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w-]+\.py)\n")
LINK = re.compile(r"\]\((?![a-z]+:)([^()\s#]+)")


def run(text: str, folder: Path) -> Iterator[str]:
    """Yield what each block of a page prints, run one after the other in a folder as a module of its own.

    A block that begins with the name of a file is written there instead.
    """
    module = ModuleType("page")
    sys.modules["page"] = module  # where dataclasses look up their annotations
    try:
        for code, _ in CODE.findall(text):
            said = StringIO()
            with chdir(folder), redirect_stdout(said):
                if named := FILE.match(code):
                    Path(named[1]).write_text(code, encoding="utf-8")
                else:
                    exec(compile(code, "page", "exec"), module.__dict__)  # noqa: S102  # our own pages
            yield said.getvalue()
    finally:
        del sys.modules["page"]


def filled_in(text: str, said: Mapping[int, str]) -> str:
    """Return a page with what its blocks print behind them."""
    number = iter(range(len(said)))

    def fill(block: re.Match[str]) -> str:
        code, printed = f"```python\n{block[1]}```\n", said[next(number)]
        return f"{code}\n```text\n{printed}```\n" if printed else code

    return CODE.sub(fill, text)


def notebook(page: str, target: str) -> str:
    """Return a page as a notebook: its code in cells of their own with what it prints, links leading where they led."""
    import nbformat

    v4: Any = nbformat.v4
    text = (ROOT / page).read_text(encoding="utf-8")
    cells = []
    parts = CODE.split(text)
    for number in range(0, len(parts), 3):
        prose, *block = parts[number : number + 3]
        if prose.strip():
            cells.append(v4.new_markdown_cell(_move_links(prose.strip(), page, target), id=f"text-{number // 3}"))
        if block:
            code, printed = block
            magic = "%%writefile " + found[1] + "\n" if (found := FILE.match(code)) else ""
            outputs = [v4.new_output("stream", text=printed)] if printed else []
            cells.append(v4.new_code_cell(magic + code.strip(), id=f"code-{number // 3}", outputs=outputs))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made_of: Any = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    return json.dumps(made_of, indent=1, ensure_ascii=False) + "\n"


def _move_links(text: str, page: str, target: str) -> str:
    """Return a text whose links to other files lead there from the notebook's folder."""
    here, there = posixpath.dirname(page), posixpath.dirname(target)
    return LINK.sub(lambda link: "](" + posixpath.relpath(posixpath.join(here, link[1]), there), text)


def main() -> None:
    """Run every page, and write it and its notebook."""
    for page, target in NOTEBOOKS.items():
        path = ROOT / page
        text = path.read_text(encoding="utf-8")
        with TemporaryDirectory() as folder:
            said = dict(enumerate(run(text, Path(folder))))
        path.write_text(filled_in(text, said), encoding="utf-8")
        if target:
            (ROOT / target).write_text(notebook(page, target), encoding="utf-8")
        print(page)


if __name__ == "__main__":
    main()
