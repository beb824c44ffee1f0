"""Make the pictures of docs/gallery.md: run each command there, and take what it leaves, small.

    python -m tools.gallery            # all of them, about five minutes
    python -m tools.gallery report     # some of them

It needs a browser, Chromium, for what is a part of a page.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp

from PIL import Image

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "assets" / "gallery"
WIDTH = 960


@dataclass(frozen=True, slots=True)
class Picture:
    """A command of the gallery, and which of its files is shown: a picture, or a page from an element on to another."""

    command: str
    file: str
    begin: str | None = None
    end: str | None = None


EXITS = "snnfw run task=classification plugin=signed exit=confidence timesteps=8"
SEARCH = "snnfw run task=classification plugin=sigmadelta search=pareto search.loss=0.005 fitting=0"
METHODS = "snnfw compare task=classification methods=[calibration,adafire,signed] checkpoints=[1,2,4,8]"
DIAGNOSIS = "snnfw diagnose task=classification plugin=rate timesteps=8"

PICTURES = {
    "report": Picture(EXITS, "report.html", end="table"),
    "exits": Picture(EXITS, "report.html", "h2:has-text('Early exit')", "h2:has-text('Where the error')"),
    "frontier": Picture(SEARCH, "search/frontier.png"),
    "comparison": Picture(METHODS, "leaderboard.html", end="h2:has-text('Method by method')"),
    "diagnosis": Picture(DIAGNOSIS, "diagnosis.html", end="figure >> nth=1"),
    "classification": Picture("snnfw run task=classification plugin=adafire", "pictures/samples.png"),
    "events": Picture("snnfw run task=events plugin=adafire task.limit=100", "pictures/samples.png"),
    "detection": Picture("snnfw run task=detection plugin=sigmadelta task.limit=64", "pictures/detections.png"),
    "segmentation": Picture("snnfw run task=segmentation plugin=sigmadelta task.limit=64", "pictures/segments.png"),
    "pointcloud": Picture(
        "snnfw run task=pointcloud task.head=parts plugin=sigmadelta task.limit=64", "pictures/parts.png"
    ),
}


@cache
def results(command: str) -> Path:
    """Run a command and return the folder that it leaves."""
    folder = Path(mkdtemp()) / "run"
    words = [sys.executable, "-m", *shlex.split(command), f"out={folder}"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # our own
    return folder


def part_of_page(file: Path, begin: str | None, end: str | None) -> bytes:
    """Return a page, as a browser shows it, from one element, a heading say, to another, or from top to bottom."""
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = started.new_page(viewport={"width": WIDTH, "height": 900})
        page.goto(file.as_uri())

        def top(element: str) -> float:
            return float(page.locator(element).first.evaluate("it => it.getBoundingClientRect().top"))

        above = top(begin) - 12 if begin else 0
        below = top(end) - 12 if end else page.evaluate("document.documentElement.scrollHeight")
        clip = {"x": 0, "y": above, "width": WIDTH, "height": below - above}
        shot = page.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type]  # a plain mapping is one
        started.close()
    return shot


def make(picture: Picture) -> Image.Image:
    """Return a picture, no wider than the gallery shows it."""
    file = results(picture.command) / picture.file
    content = part_of_page(file, picture.begin, picture.end) if file.suffix == ".html" else file.read_bytes()
    image = Image.open(BytesIO(content)).convert("RGB")
    image.thumbnail((WIDTH, 10 * WIDTH))
    return image


def main() -> None:
    """Make the pictures that are named, or all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or PICTURES:
        make(PICTURES[name]).save(FOLDER / f"{name}.webp", quality=80, method=6)
        print(name)


if __name__ == "__main__":
    main()
