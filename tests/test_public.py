"""What stands around the code is true: the workflow, the citation, the templates, the Makefile."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))

UNLISTED = {"help", "libraries"}
"""Targets of the Makefile that its help need not name."""


def read(path: Path) -> dict[Any, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    for job in read(workflow)["jobs"].values():
        assert {"runs-on", "timeout-minutes", "steps"} <= set(job)
        yield from job["steps"]


def test_there_are_workflows_and_templates() -> None:
    assert WORKFLOWS
    assert TEMPLATES
    assert (ROOT / ".github" / "pull_request_template.md").is_file()


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_may_read_and_nothing_more(workflow: Path) -> None:
    described = read(workflow)
    assert described["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in described["jobs"].values())
    assert set(described[True]) == {"push", "pull_request"}, "YAML 1.1 reads on as true"


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_take_actions_of_one_major_version(workflow: Path) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    assert [action for action in used if not re.fullmatch(r"actions/[a-z-]+@v\d+", action)] == []
    cached = [step["with"] for step in steps(workflow) if "setup-python" in step.get("uses", "")]
    assert all(given["cache"] == "pip" and (ROOT / given["cache-dependency-path"]).is_file() for given in cached)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_targets_of_the_makefile_alone(workflow: Path) -> None:
    """So that what they do can be done on any machine."""
    commands = [step["run"].removeprefix("sudo ").split() for step in steps(workflow) if "run" in step]
    assert commands
    for make, target, *variables in commands:
        assert make == "make"
        assert target in TARGETS
        assert all(f"{variable.partition('=')[0]} ?=" in MAKEFILE for variable in variables)


def test_the_makefile_tells_its_targets() -> None:
    told = set(re.findall(r'@echo "make ([a-z-]+) ', MAKEFILE))
    assert told == TARGETS - UNLISTED
    phony = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == TARGETS


def test_portable_tests_are_there() -> None:
    named = [folder for line in re.findall(r"^PORTABLE := (.+)$", MAKEFILE, re.MULTILINE) for folder in line.split()]
    assert len(named) > 1
    assert [folder for folder in named if not (ROOT / folder).is_dir()] == []


def test_the_citation_is_of_this_version() -> None:
    citation = read(ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation), "what the format asks for"
    assert citation["cff-version"] == "1.2.0"
    for key in ("version", "license", "keywords"):
        assert citation[key] == PROJECT[key]
    assert citation["title"] == PROJECT["name"]
    assert citation["abstract"] == PROJECT["description"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_templates_ask_for_something(template: Path) -> None:
    described = read(template)
    assert set(described) == {"name", "description", "body"}
    assert all({"type", "id", "attributes"} <= set(field) for field in described["body"])
    assert any(field.get("validations", {}).get("required") for field in described["body"])
