"""What holds for all tests: networks are captured anew, and the documentation is built once for all that read it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

os.environ["SNNFW_CAPTURES"] = "none"  # so that none passes by what an earlier one has kept


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
