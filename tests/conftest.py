"""What holds for all tests: networks are captured anew, and what many of them need is made once."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from filelock import FileLock

if TYPE_CHECKING:
    from playwright.sync_api import Browser

os.environ["SNNFW_CAPTURES"] = "none"  # so that none passes by what an earlier one has kept


THREADS = torch.get_num_threads()
"""What tests begin with: as many as the environment says."""


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass over what lives as long as the tests: libraries, and the tests themselves."""
    gc.collect()
    gc.freeze()


def pytest_runtest_teardown() -> None:
    """Take back the threads that a test, or a library in it, has set: they would wait for cores that others are on."""
    if torch.get_num_threads() != THREADS:
        torch.set_num_threads(THREADS)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the documentation as a site, built once, by whichever process of xdist comes first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
            root = Path(__file__).parents[1]
            built = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603  # our own
            assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="session")
def ray_here() -> Iterator[None]:
    """Start Ray once, with two workers; ``launcher=ray`` uses what is running."""
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:  # workers import what tests send from here
        patch.setenv(
            "PYTHONPATH", os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
        )
        ray.init(num_cpus=2, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
        yield
        ray.shutdown()


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Start the system's browser; for one test alone, since as long as it runs no other can start a loop of asyncio."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip(f"no browser here: none of {', '.join(names)}")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt, whatever a library that another test started has made of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
