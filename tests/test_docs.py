"""The documentation says what is true: links lead somewhere, commands are understood, nothing is left out."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import snnfw
from snnfw.cli import COMMANDS
from snnfw.config import resolve, to_yaml
from snnfw.config.comparison import resolve_comparison
from snnfw.config.schema import METHODS
from snnfw.config.sketch import is_sketch, resolve_sketch
from snnfw.config.training import resolve_training
from snnfw.energy.charges import Energy
from snnfw.report.report import Checkpoint, Layer, Network, Operator, Report

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(DOCS.rglob("*.md"))]
}
BUNDLED = {
    "snnfw",
    *tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]["snnfw"],
}

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?: {4}.*\n|\n(?= {4}))+", re.MULTILINE)
LINK = re.compile(r"\[[^\[\]]*\]\(([^()\s]+)\)")
WORDS = re.compile(r"`((?:plugin|neuron)=[a-z][a-z0-9-]*(?: [\w.]+=\S+)*)`")

NOT_HERE = {
    "snnfw run task=classification plugin=mine": "the preset is in the package that 'snnfw plugins new' writes",
}
"""Commands that ask for what no page and no bundled plugin defines, each with the reason."""


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", INDENTED.sub("", FENCE.sub("", text)))


def slug(heading: str) -> str:
    """Return the anchor that a heading gets where the pages are read."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def anchors(text: str) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)}


def section(text: str, title: str) -> str:
    """Return what stands under a heading of the second level."""
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def commands(text: str) -> Iterator[str]:
    """Yield the command lines in a page's blocks of code, each in one line."""
    blocks = [block for language, block in FENCE.findall(text) if language in ("", "bash", "sh", "console")]
    blocks += INDENTED.findall(FENCE.sub("", text))
    for block in blocks:
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            command = line.strip().removeprefix("$ ")
            if command.startswith("snnfw "):
                yield command


def files(text: str) -> Iterator[tuple[str, str]]:
    """Yield the files that a page spells out: named in their first line, or at the end of the sentence before."""
    for block in FENCE.finditer(text):
        named = re.match(r"# ([\w-]+\.(?:py|yaml))\n", block[2])
        announced = re.search(r"`([\w-]+\.(?:py|yaml))`:\s*\Z", text[: block.start()])
        if found := named or announced:
            yield found[1], block[2]


RESOLVE = {
    "run": resolve,
    "plan": resolve,
    "compare": resolve_comparison,
    "train": resolve_training,
}


def resolved(command: str, words: list[str], folder: Path, modules: Mapping[str, str]) -> None:
    """Resolve words as the command line would, with a page's modules installed and earlier runs at hand."""
    registry = snnfw.Registry()
    for name in modules:
        registry.load_file(folder / name)
    for word in words:
        if word.startswith("experiment=runs/"):
            earlier = folder / word.partition("=")[2]
            earlier.parent.mkdir(parents=True, exist_ok=True)
            earlier.write_text(to_yaml(resolve(["task=classification", "plugin=adafire"], registry)), encoding="utf-8")
        if word.startswith(("checkpoint=runs/", "resume=runs/")):
            trained = folder / word.partition("=")[2]
            trained.mkdir(parents=True, exist_ok=True)
            config = resolve_training(["task=classification", f"plugin={trained.name.rpartition('-')[2]}"], registry)
            (trained / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
    if command == "plan" and is_sketch(words):
        resolve_sketch(words, registry)
        return
    RESOLVE[command](words, registry)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page: str) -> None:
    broken = []
    for target in LINK.findall(without_code(PAGES[page])):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(target)
    assert not broken


def test_anchors_are_those_of_the_place_where_pages_are_read() -> None:
    text = "# The `if` neuron\n\n## Timesteps at φ = 4\n\n```\n# no heading\n```\n"
    assert anchors(text) == {"the-if-neuron", "timesteps-at-φ--4"}


def is_there(name: str) -> bool:
    """Tell whether a module, or a name in one, is called this in full."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            if part not in getattr(found, "__dataclass_fields__", ()) and not hasattr(found, part):
                return False
            found = getattr(found, part, None)
        return True
    return False


def dotted_names(text: str) -> set[str]:
    """Return the names of the three packages that a page calls in full, without those that it says are no more."""
    told = re.sub(
        r"snnfw[\w.]+\s+is\s+(snnfw[\w.]+\s+now)", r"\1", text.replace("`snnfw_tasks.datasets.digits` is", "")
    )
    return set(re.findall(r"(?<![\w./-])(?:snnfw|snnfw_plugins|snnfw_tasks)(?:\.\w+)+", told))


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md"])
def test_names_in_full_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert not [name for name in sorted(dotted_names(text)) if not is_there(name)]


def test_a_name_that_is_not_there_is_noticed() -> None:
    text = "`snnfw.nothing`, snnfw.search.Nothing, `snnfw.Bundle.nothing`; snnfw.old.name is\nsnnfw.Bundle.data now."
    assert dotted_names(text) == {"snnfw.nothing", "snnfw.search.Nothing", "snnfw.Bundle.nothing", "snnfw.Bundle.data"}
    assert [name for name in dotted_names(text) if is_there(name)] == ["snnfw.Bundle.data"]


def test_the_new_names_of_the_changelog_are_where_it_says() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(snnfw[\w.]*)` \| (.* → .*) \|$", text, re.MULTILINE)
    new = {f"{module}.{name}" for module, names in rows for name in re.findall(r"→ `([\w.]+)`", names)}
    assert not [module for module, names in rows if not re.search(r"→ `[\w.]+`", names)]
    assert len(new) > 200
    assert not [name for name in sorted(new) if not is_there(name)]


def terms() -> dict[str, tuple[str, str]]:
    """Return the glossary: the anchor of each term, with the words that it goes by and what is said of it."""
    entries = PAGES["docs/glossary.md"].split("\n## ")[1:]
    return {slug(head): (head, body) for head, _, body in (entry.partition("\n") for entry in entries)}


def test_the_glossary_says_each_word_in_two_sentences_with_one_link_in_order() -> None:
    names = [re.sub(r"^\w \((\w+)\)$", r"\1", head).lower() for head, _ in terms().values()]
    assert names == sorted(names)
    for head, body in terms().values():
        text = LINK.sub("", without_code(body)).replace("e.g.", "").strip()
        assert len(LINK.findall(body)) == 1, head
        assert len(re.findall(r"[.?](?=\s|$)", text)) == 2, head


def test_the_first_page_links_every_word_that_the_glossary_has() -> None:
    text = without_code(PAGES["docs/index.md"])
    linked = {target.partition("#")[2] for target in LINK.findall(text) if target.startswith("glossary.md#")}
    prose = re.sub(r"\]\([^)]*\)", "", text).lower()
    said = set()
    for anchor, (head, _) in terms().items():
        word = re.sub(r"^\w \((\w+)\)$", r"\1", head).lower()
        if len(word) > 1 and re.search(rf"\b{re.escape(word)}s?\b", prose):
            said.add(anchor)
    assert said
    assert sorted(said - linked) == [], "said, and not linked"


@pytest.mark.parametrize(
    "word",
    [
        "spike",
        "event",
        "site",
        "stream",
        "threshold",
        "timestep",
        "coding",
        "calibration",
        "rate",
        "energy",
        "membrane potential",
        "fan-out",
        "early exit",
        "chance level",
        "quantised network",
        "surrogate gradient",
        "readout",
        "encoder",
        "soft reset",
    ],
)
def test_the_field_s_words_are_in_the_glossary(word: str) -> None:
    assert any(word in head.lower() for head, _ in terms().values())


@pytest.mark.parametrize("part", [Report, Network, Checkpoint, Energy, Layer, Operator])
def test_the_report_page_lists_exactly_the_fields_that_there_are(part: Any) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section(PAGES["docs/reference/report.md"], part.__name__), re.MULTILINE)
    assert rows == [field.name for field in fields(part)]


@pytest.mark.parametrize("key", ["neuron", "converter", "search", "exit", "energy", "plugin", "task"])
def test_everything_that_is_bundled_has_a_page(key: str) -> None:
    registry = snnfw.Registry()
    kind = {"plugin": "presets", **METHODS}[key]
    heads = [
        text.split("\n## ")[0] for name, text in PAGES.items() if name.startswith(("docs/methods/", "docs/tasks/"))
    ]
    names = [name for name in registry.all(kind) if registry.owner(kind, name) in BUNDLED]
    without = [
        name for name in names if not any(re.search(rf"{key}={re.escape(name)}(?![\w-])", head) for head in heads)
    ]
    assert not without


@pytest.mark.parametrize("page", PAGES)
def test_configured_commands_are_understood(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spelt_out = dict(files(PAGES[page]))
    for name, content in spelt_out.items():
        Path(name).write_text(content, encoding="utf-8")
    modules = {name: content for name, content in spelt_out.items() if name.endswith(".py")}
    refused = {}
    for command in commands(PAGES[page]):
        _, subcommand, *words = shlex.split(command, comments=True)
        if subcommand not in RESOLVE or {"KEY=VALUE", "--help"} & set(words) or command in NOT_HERE:
            continue
        try:
            resolved(subcommand, [word for word in words if not word.startswith("--")], tmp_path, modules)
        except snnfw.SnnfwError as error:
            refused[command] = str(error)
    assert not refused


@pytest.mark.parametrize("page", PAGES)
def test_other_commands_exist(page: str) -> None:
    known = {" ".join(word for word in command.split() if word.islower()) for command in COMMANDS} | {"plugins"}
    asked = [
        re.match(r"(?:plugins|experiments) \w+|[\w-]+", command.removeprefix("snnfw "))
        for command in commands(PAGES[page])
    ]
    assert {found[0] for found in asked if found and not found[0].startswith("-")} <= known


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if WORDS.search(text)])
def test_words_in_the_text_and_in_tables_are_understood(page: str) -> None:
    registry = snnfw.Registry()
    refused = {}
    for words in dict.fromkeys(WORDS.findall(PAGES[page])):
        try:
            named = ["data=digits"] if "model=torchvision" in words and "data=" not in words else []
            resolve(["task=classification", *named, *words.split()], registry)
        except snnfw.SnnfwError as error:
            refused[words] = str(error)
    assert not refused


def test_reasons_for_skipping_are_still_needed() -> None:
    quoted = {command for text in PAGES.values() for command in commands(text)}
    assert set(NOT_HERE) <= quoted
