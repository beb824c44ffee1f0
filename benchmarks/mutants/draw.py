"""Small faults, drawn from all that can be put into some modules."""

from __future__ import annotations

import ast
import difflib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

Position = tuple[int, int]
Span = tuple[Position, Position]
Way = tuple[str, int]
"""An operator of Cosmic Ray's, and which of the places that it can change in a module, counted from the first."""

SAME = ("_Eq_Is", "_Is_Eq", "_NotEq_IsNot", "_IsNot_NotEq")
"""Ends of operators' names that are not drawn: what is compared, kinds and small numbers mostly, exists once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module, by its path below the root, with one small fault."""

    module: str
    line: int
    operator: str
    before: str
    after: str

    @property
    def lines(self) -> tuple[str, str]:
        """The lines that it changes, stripped, before and after."""
        changed = [(line[0], line[2:]) for line in difflib.ndiff(self.before.splitlines(), self.after.splitlines())]
        before, after = (" ".join(" ".join(text for mark, text in changed if mark == sign).split()) for sign in "-+")
        return before, after

    @property
    def diff(self) -> str:
        """The fault as a unified diff without context."""
        name = f"{self.module}:{self.line}"
        lines = difflib.unified_diff(self.before.splitlines(), self.after.splitlines(), name, "mutant", "", "", 0, "")
        return "\n".join(lines)


def draw(root: Path, modules: Sequence[str], size: int, seed: int) -> list[Mutant]:
    """Draw places of some modules, and one fault for each; the same for a seed as long as the modules are the same.

    A comparison can be turned into seven others, an addition into eleven: places are drawn, so that these do not
    outweigh what can be changed in one way.
    """
    texts = {module: (root / module).read_text(encoding="utf-8") for module in modules}
    found = [(module, *place) for module in modules for place in places(texts[module]).items()]
    generator = random.Random(seed)  # noqa: S311  # a sample, no secret
    chosen = sorted(generator.sample(found, min(size, len(found))))
    drawn = (_one(module, texts[module], span[0][0], ways, generator) for module, span, ways in chosen)
    return [mutant for mutant in drawn if mutant is not None]


def every(root: Path, module: str, line: int) -> list[Mutant]:
    """Return all faults of one line."""
    text = (root / module).read_text(encoding="utf-8")
    found = [ways for place, ways in places(text).items() if place[0][0] == line]
    made = (_made(module, text, line, *way) for ways in found for way in ways)
    return [mutant for mutant in made if mutant is not None]


def places(text: str) -> dict[Span, list[Way]]:
    """Return where a module can be changed, and in which ways."""
    tree = get_ast(text)
    silent = list(_silent(text))
    found: dict[Span, list[Way]] = {}
    for name in operator_names():
        operator = get_operator(name)
        if operator.arguments() or name.endswith(SAME):
            continue
        spans = (span for node in ast_nodes(tree) for span in operator().mutation_positions(node))
        for occurrence, span in enumerate(spans):
            if not any(start <= span[0] and span[1] <= end for start, end in silent):
                found.setdefault(span, []).append((name, occurrence))
    return found


def _one(module: str, text: str, line: int, ways: Sequence[Way], generator: random.Random) -> Mutant | None:
    made = (_made(module, text, line, *way) for way in generator.sample(ways, len(ways)))
    return next((mutant for mutant in made if mutant is not None), None)


def _made(module: str, text: str, line: int, operator: str, occurrence: int) -> Mutant | None:
    """Return a mutant; None where it is no Python, or the same."""
    after = mutate_code(text, get_operator(operator)(), occurrence)
    try:
        same = ast.dump(ast.parse(after)) == ast.dump(ast.parse(text))
    except SyntaxError:
        return None
    return None if same else Mutant(module, line, operator.rpartition("/")[2], text, after)


def _silent(text: str) -> Iterator[Span]:
    """Yield where a change computes nothing else: annotations, imports for types, what a dataclass forbids.

    That dataclasses are frozen and have slots is held for all of them by the tests of the architecture.
    """
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        for part in _unread(node):
            start = (part.lineno, _column(lines, part.lineno, part.col_offset))
            line, column = part.end_lineno or part.lineno, part.end_col_offset or part.col_offset
            yield start, (line, _column(lines, line, column))


def _unread(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        yield node.annotation
    if isinstance(node, ast.FunctionDef) and node.returns:
        yield node.returns
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        yield node.test
    if isinstance(node, ast.ClassDef):
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "dataclass":
                yield from (keyword.value for keyword in decorator.keywords)


def _column(lines: Sequence[str], line: int, offset: int) -> int:
    """Return a column in characters; Python's own count bytes."""
    return len(lines[line - 1].encode()[:offset].decode())
