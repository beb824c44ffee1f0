from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from snnfw.report.markdown import code_block, code_span, escape_markdown, table

HOSTILE = (
    "<script>alert(1)</script>",
    "a|b",
    "**bold** _it_ `code` ~~no~~",
    "[link](https://example.org)",
    "![image](x.png)",
    "# title\n\n- item",
    "$x^2$",
    "&lt; &amp;",
    "back\\slash",
    "https://example.org",
    "WWW.example.org",
    "@somebody",
    "\x1b[31mred",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_somebody_wrote_stays_text(text: str) -> None:
    reader = MarkdownIt("gfm-like", {"linkify": False})
    shown = " ".join(text.replace("\x1b", " ").split())
    (_, inline, _) = reader.parse(f"is {escape_markdown(text)}")
    assert inline.content.startswith("is ")
    assert inline.children is not None
    assert {child.type for child in inline.children} <= {"text", "text_special"}
    assert "".join(child.content for child in inline.children) == f"is {shown}"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_table_keeps_its_cells(text: str) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(table(["name", text], [[text, 1], ["b", text]]))
    assert [sum(token.type == kind for token in tokens) for kind in ("th_open", "td_open")] == [2, 4]
    assert {token.type for token in tokens if token.type.startswith("html")} == set()


def test_a_block_of_code_ends_where_it_should() -> None:
    for text in ("a: 1\n", "```\n# not a title\n```", "````"):
        (fence,) = MarkdownIt().parse(code_block(text, "yaml"))
        assert (fence.type, fence.info, fence.content) == ("fence", "yaml", f"{text.rstrip()}\n")


@pytest.mark.parametrize("text", ["my_neuron", "a`b", "``", "`a", "x\\y", "<b>"])
def test_a_name_in_code_is_shown_as_it_is(text: str) -> None:
    (_, inline, _) = MarkdownIt().parse(f"by {code_span(text)}.")
    assert [(child.type, child.content) for child in inline.children or ()] == [
        ("text", "by "),
        ("code_inline", text),
        ("text", "."),
    ]
