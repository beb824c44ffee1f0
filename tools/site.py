"""Take into the site what docs/ has no pages of: files that pages link to, and the modules that are for everybody.

mkdocs calls the functions of this file by their names while it builds; mkdocs.yml names it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(\[(?:[^\[\]]|\[[^\[\]]*\])*\]\()([^()\s#:]+)((?:#[^()\s]*)?\))")
FIRST_PAGE = {"README.md": "docs/index.md"}
"""What the site has its first page instead of."""

ROOMS = "reference/api"
"""The site's folder for the pages of modules."""

ELSEWHERE = "repository"
"""The site's folder for files from beside docs/."""


def linked(page: str, text: str) -> dict[str, str]:
    """Return the relative links of a page, each with the file that it leads to, named from the repository's root."""
    found = {}
    for match in LINK.finditer(text):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), match[2]))
        if (ROOT / path).is_dir():
            path = posixpath.join(path, "README.md")
        if (ROOT / path).is_file() and not path.startswith(".."):
            found[match[2]] = FIRST_PAGE.get(path, path)
    return found


def place(path: str) -> str:
    """Return where a file of the repository lies in the site's sources."""
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{ELSEWHERE}/{path}"


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the files that pages link to, and those that these link to in turn."""
    waiting = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    seen = set(waiting)
    while waiting:
        page = waiting.pop()
        for path in linked(page, (ROOT / page).read_text(encoding="utf-8")).values():
            if path in seen or path.startswith("docs/"):
                continue
            seen.add(path)
            made = File.generated(
                config, place(path), abs_src_path=str(ROOT / path), inclusion=InclusionLevel.NOT_IN_NAV
            )
            files.append(made)
            if path.endswith(".md"):
                waiting.append(path)
    for room in rooms():
        content = f"# {room}\n\n::: {room}\n    options: {{show_root_toc_entry: false}}\n"
        files.append(File.generated(config, f"{ROOMS}/{room}.md", content=content))
    return files


def rooms() -> list[str]:
    """Return the modules that are for everybody, which the reference lists."""
    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `(snnfw[\w.]*)` \|", page, re.MULTILINE)


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Point a page's links to where the site has what they lead to."""
    uri = page.file.src_uri
    if uri == "glossary.md":
        page.meta["search"] = {"boost": 8}  # who looks for a word wants first what it means
    if uri == "reference/python.md":
        markdown = re.sub(r"^\| `(snnfw[\w.]*)` \|", r"| [`\1`](api/\1.md) |", markdown, flags=re.MULTILINE)
    origin = uri.removeprefix(f"{ELSEWHERE}/") if uri.startswith(f"{ELSEWHERE}/") else f"docs/{uri}"
    where = linked(origin, markdown)

    def move(match: re.Match[str]) -> str:
        if match[2] not in where:
            return match[0]
        return match[1] + posixpath.relpath(place(where[match[2]]), posixpath.dirname(uri) or ".") + match[3]

    return LINK.sub(move, markdown)
