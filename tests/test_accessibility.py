"""Pages are for everybody: a real browser opens every kind of page, wide and narrow, light and dark, and axe reads it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from rich.console import Console

from snnfw import pipeline
from snnfw.comparing import compare_methods
from snnfw.config.comparison import resolve_comparison
from snnfw.config.diagnosis import resolve_diagnosis
from snnfw.config.resolution import resolve
from snnfw.diagnosing import diagnose
from snnfw.registry import Registry
from snnfw.reporting import report_runs

LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((1200, "light"), (420, "dark"))
"""Each width and each scheme once: what is where is the same in all colours, and colours are the same at all widths."""
SMALL = ("task=classification", "model=digits-vgg", "task.limit=20", "task.calibration=40")


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry()


def run_page(folder: Path, registry: Registry) -> Path:
    """Return the page of a run that leaves early and draws."""
    words = (*SMALL, "plugin=adafire", "search=null", "timesteps=4", "save=false", f"out={folder / 'run'}")
    return pipeline.run(resolve(words, registry), registry) / "report.html"


def comparison_page(folder: Path, registry: Registry) -> Path:
    words = (*SMALL, "methods=[if,lif]", "checkpoints=[2,4]", f"out={folder / 'comparison'}")
    compare_methods(resolve_comparison(words, registry))
    return folder / "comparison" / "leaderboard.html"


def side_page(folder: Path, registry: Registry) -> Path:
    """Return the page of two runs side by side."""
    words = (*SMALL, "plugin=rate", "timesteps=2", "save=false", f"out={folder / 'one'}")
    run = pipeline.run(resolve(words, registry), registry)
    return report_runs([run, shutil.copytree(run, folder / "other")], Console(quiet=True), folder / "side")


def diagnosis_page(folder: Path, registry: Registry) -> Path:
    words = (*SMALL, "plugin=rate", "timesteps=2", "tries=2", f"out={folder / 'diagnosis'}")
    return diagnose(resolve_diagnosis(words, registry), registry, Console(quiet=True)) / "diagnosis.html"


PAGES: dict[str, Callable[[Path, Registry], Path]] = {
    "run": run_page,
    "comparison": comparison_page,
    "side by side": side_page,
    "diagnosis": diagnosis_page,
}
"""What writes each kind of page: whoever adds a kind adds a line."""


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_can_be_read_by_everybody(kind: str, browser: Browser, registry: Registry, tmp_path: Path) -> None:
    found = faults_of(PAGES[kind](tmp_path, registry), browser)
    assert not found, "\n".join(found)


def faults_of(file: Path, browser: Browser) -> list[str]:
    """Return what is wrong with a page: what it says and asks for, and how it looks at each width and scheme."""
    page, found = browser.new_page(), list[str]()
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("request", lambda request: found.append(request.url) if is_foreign(request.url) else None)
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(folded => { folded.open = true })")
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        found += [f"{width} pixels, {scheme}: {fault}" for fault in (*overflow(page), *violations(page))]
    return found


def is_foreign(url: str) -> bool:
    """Tell whether an address is neither a file here nor part of the page."""
    return not url.startswith(("file:", "data:"))


def overflow(page: Page) -> Iterator[str]:
    """Yield how far the page itself scrolls sideways, where it does."""
    over = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    if over > 0:
        yield f"the page is {over} pixels wider than the window"


def violations(page: Page) -> Iterator[str]:
    """Yield what axe finds, of any impact, with the elements that it finds it in."""
    for rule in Axe().run(page).response["violations"]:
        places = "; ".join(" ".join(map(str, node["target"])) for node in rule["nodes"])
        yield f"{rule['id']} ({rule['impact']}): {rule['help']}: {places}"


FAULTY = """<!doctype html><html><head><title>A page</title></head><body><main><h1>A page</h1>
<p style="color: #bbb; background: #fff">pale</p><div style="width: 2000px">wide</div>
<img src="https://example.invalid/x.png"></main><script>throw new Error("broken")</script></body></html>"""


def test_every_fault_of_a_page_is_noticed(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(FAULTY)
    found = "\n".join(faults_of(tmp_path / "page.html", browser))
    faults = (
        "420 pixels, dark: the page is",
        "html-has-lang",
        "color-contrast",
        "image-alt",
        "example.invalid",
        "broken",
    )
    assert [fault for fault in faults if fault not in found] == []
