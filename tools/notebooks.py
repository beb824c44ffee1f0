"""Make the notebooks of pages that are code from top to bottom.

    python -m tools.notebooks

A test holds the notebooks against the pages, and runs them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NOTEBOOKS = {ROOT / "docs" / "howto" / "ten-minutes.md": ROOT / "examples" / "ten_minutes.ipynb"}
"""Pages, each with its notebook."""

CODE = re.compile(r"^```python\n(.*?)^```$\n?", re.MULTILINE | re.DOTALL)


def notebook(page: Path) -> str:
    """Return a page as a notebook without outputs: its code in cells of their own, links leading where they led."""
    import nbformat

    parts = CODE.split(page.read_text(encoding="utf-8"))
    cells = []
    for number, part in enumerate(parts):
        if not part.strip():
            continue
        made: Any = nbformat.v4.new_code_cell if number % 2 else nbformat.v4.new_markdown_cell
        text = part.strip() if number % 2 else _move_links(part.strip())
        cells.append(made(text, id=f"cell-{number}"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made_of: Any = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    return json.dumps(made_of, indent=1, ensure_ascii=False) + "\n"


def _move_links(text: str) -> str:
    """Return a text whose links to pages beside it lead there from the examples' folder."""
    return re.sub(r"\]\((?!https?:)(?:\.\./)?([\w./-]+\.md)", _from_examples, text)


def _from_examples(link: re.Match[str]) -> str:
    inside = "" if link[0].startswith("](../") else "howto/"
    return f"](../docs/{inside}{link[1]}"


def main() -> None:
    """Write every notebook."""
    for page, path in NOTEBOOKS.items():
        path.write_text(notebook(page), encoding="utf-8")


if __name__ == "__main__":
    main()
