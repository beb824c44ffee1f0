from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools.notebooks import CODE, NOTEBOOKS, ROOT, filled_in, notebook, run

NUMBER = re.compile(r"\d+(?:\.\d+)?")


def alike(said: str, written: str) -> bool:
    """Tell whether two outputs are the same but for numbers, and these but for what rounding and a few samples do."""
    if NUMBER.sub("0", said) != NUMBER.sub("0", written):
        return False
    pairs = zip(map(float, NUMBER.findall(said)), map(float, NUMBER.findall(written)), strict=True)
    return all(abs(one - other) <= max(0.02, 0.05 * other) for one, other in pairs)


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_a_page_runs_from_top_to_bottom_and_prints_what_it_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNNFW_CAPTURES", str(tmp_path / "captures"))  # a page asks for its network more than once
    text = (ROOT / page).read_text(encoding="utf-8")
    said = list(run(text, tmp_path))
    written = [printed for _, printed in CODE.findall(text)]
    assert any(written)
    assert not [pair for pair in zip(said, written, strict=True) if not alike(*pair)], "run python -m tools.notebooks"


@pytest.mark.parametrize(("page", "target"), [(page, target) for page, target in NOTEBOOKS.items() if target])
def test_a_notebook_is_its_page(page: str, target: str) -> None:
    path = ROOT / target
    text = path.read_text(encoding="utf-8")
    assert text == notebook(page, target), "run python -m tools.notebooks"
    links = re.findall(r"\]\((\.\./[\w./-]+)", text)
    assert links
    assert all((path.parent / link).exists() for link in links)


@pytest.mark.parametrize(
    ("said", "alike_it_is"),
    [("99.3% right", True), ("98.0% right", True), ("80.0% right", False), ("99.5% wrong", False), ("", False)],
)
def test_outputs_are_alike_but_for_a_few_samples(said: str, alike_it_is: bool) -> None:
    assert alike(said, "99.5% right") is alike_it_is


def test_what_a_block_prints_stands_behind_it(tmp_path: Path) -> None:
    text = "A\n\n```python\n# mine.py\ntwo = 2\n```\n\n```python\nimport sys; sys.path.insert(0, '.')\nfrom mine import two\n```\n\n```python\nprint(two)\n```\n\nB\n"
    said = dict(enumerate(run(text, tmp_path)))
    assert said == {0: "", 1: "", 2: "2\n"}
    assert filled_in(text, said) == text.replace("(two)\n```\n", "(two)\n```\n\n```text\n2\n```\n")
    assert filled_in(filled_in(text, said), said) == filled_in(text, said)
