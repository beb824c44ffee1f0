"""The documentation as a site: whole, read without a network, with every name that is for everybody."""

from __future__ import annotations

import json
import re
from html import unescape
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from test_accessibility import LOOKS
from test_public_names import ROOMS

LINK = re.compile(r'<(?:a|link|img|script)\b[^>]*?\b(?:href|src)="?([^"\s>]+)')
FETCHED = re.compile(r'<(?:link|img|script|iframe)\b[^>]*?\b(?:href|src)="?(https?:[^"\s>]+)|url\(["\']?(https?:[^)]+)')


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in sorted(site.rglob("*.html"))}


def test_nothing_is_fetched_from_elsewhere(site: Path, pages: dict[Path, str]) -> None:
    styles = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.css")}
    assert len(pages) > 60
    assert not [found for text in {**pages, **styles}.values() for found in FETCHED.findall(text)]


def test_every_link_leads_to_a_file_of_the_site_and_to_a_place_in_it(site: Path, pages: dict[Path, str]) -> None:
    places = {path: set(re.findall(r'\bid="?([^"\s>]+)', text)) for path, text in pages.items()}
    broken = []
    for page, text in pages.items():
        if page.name == "404.html":  # shown by a server, which alone knows its address
            continue
        for link in {unescape(link) for link in LINK.findall(text)}:
            path, _, place = unquote(link).partition("#")
            if re.match(r"[a-z]+:|//", link):
                continue
            target = (page.parent / path.partition("?")[0]).resolve() if path else page
            if not target.is_file() or (place and target in places and place not in {*places[target], "__codelineno"}):
                broken.append(f"{page.relative_to(site)}: {link}")
    assert not broken


def test_the_search_finds_pages_words_and_names(site: Path) -> None:
    entries = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))["docs"]
    where = {entry["location"] for entry in entries}
    assert {"glossary.html#fan-out", "tutorials/cost.html", "reference/api/snnfw.html#snnfw.convert"} <= where
    assert (site / "search" / "search_index.js").is_file(), "what is read where there is no server"


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_for_everybody_has_a_place_in_the_reference(room: str, site: Path) -> None:
    text = (site / "reference" / "api" / f"{room}.html").read_text(encoding="utf-8")
    without = [name for name in import_module(room).__all__ if f'id="{room}.{name}"' not in text]
    assert not set(without) - {"__version__"}


@pytest.mark.parametrize("page", ["index", "tutorials/cost", "methods/sigmadelta"])
def test_a_page_can_be_read_by_everybody(page: str, site: Path, browser: Browser) -> None:
    faults = []
    for width, scheme in LOOKS:
        shown = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
        shown.goto((site / f"{page}.html").as_uri())
        over = shown.evaluate("document.scrollingElement.scrollWidth - innerWidth")
        rules = [rule for rule in Axe().run(shown).response["violations"] if rule["impact"] != "minor"]
        faults += [f"{width} pixels, {scheme}: {rule['id']}: {rule['help']}" for rule in rules]
        faults += [f"{width} pixels, {scheme}: {over} pixels too wide"] if over > 0 else []
    assert not faults


@pytest.mark.parametrize(("words", "entry"), [("break-even", "Break-even rate"), ("threshold", "Threshold")])
def test_the_search_answers_without_a_server_and_says_first_what_a_word_means(
    words: str, entry: str, site: Path, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto((site / "index.html").as_uri())
    page.fill(".md-search__input", words)
    found = page.locator(".md-search-result__item h1, .md-search-result__item h2")
    found.first.wait_for()
    assert found.all_inner_texts()[:2] == ["Glossary", entry]
