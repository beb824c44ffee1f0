from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from tools.notebooks import NOTEBOOKS, ROOT, notebook


@pytest.mark.parametrize(("page", "path"), NOTEBOOKS.items())
def test_a_notebook_is_its_page(page: Path, path: Path) -> None:
    assert path.read_text(encoding="utf-8") == notebook(page), "run python -m tools.notebooks"
    links = re.findall(r"\]\((\.\./[\w./-]+)", path.read_text(encoding="utf-8"))
    assert links
    assert all((path.parent / link).exists() for link in links)


@pytest.mark.parametrize("path", NOTEBOOKS.values())
def test_a_notebook_runs_from_top_to_bottom(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", ":".join(str(ROOT / part) for part in ("core", "plugins", "tasks")))
    made = nbformat.read(path, as_version=4)
    NotebookClient(made, timeout=100, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = "".join(output.get("text", "") for cell in made.cells for output in cell.get("outputs", []))
    assert "equal after loading: True" in said
    right = [float(share) for share in re.findall(r"(\d+\.\d)% right", said)]
    assert len(right) == 2
    assert right[1] > right[0] - 2, "within two points of the network"
