"""Say in one sentence what somebody else's code raises, with the new name of what it calls by an old one."""

from __future__ import annotations

import ast
import linecache
import re
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from snnfw.errors import SnnfwError
from snnfw.renamed import METHODS, new_name

_IMPORTED = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
_KEYWORD = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")


def failure_text(error: BaseException) -> str:
    """Return one line that says what went wrong, and what is called otherwise now."""
    text = " ".join(str(error).split())
    kind = type(error).__name__
    sentence = text if isinstance(error, SnnfwError) else f"{kind}: {text}" if text else kind
    return (sentence if sentence.endswith(".") else f"{sentence}.") + describe_renaming(error)


def one_line(fault: Exception) -> str:
    """Return the reason of a fault in one line."""
    said = " ".join(str(fault).split())
    return said if isinstance(fault, SnnfwError) else f"{type(fault).__name__}: {said}".removesuffix(": ")


@contextmanager
def tell_new_names(what: str) -> Iterator[None]:
    """Raise an SnnfwError where the code of ``what`` uses a name that is no more, and let all else through."""
    try:
        yield
    except (ImportError, AttributeError, TypeError) as error:
        if not describe_renaming(error):
            raise
        raise SnnfwError(f"{what} does not work: {failure_text(error)}") from error


def describe_renaming(error: BaseException) -> str:
    """Return `` x is y now.`` where an error is about something that was renamed, and nothing otherwise."""
    found = {name: new for name in _asked(error) if (new := new_name(name)) and new not in str(error)}
    # A name says more than the module that it was in.
    told = {name: new for name, new in found.items() if not any(its.startswith(f"{name}.") for its in found)}
    return f" {', '.join(f'{name} is {new}' for name, new in told.items())} now." if told else _renamed_method(error)


def _asked(error: BaseException) -> Iterator[str]:
    """Yield what an error of an import, an attribute or a keyword was about, in full."""
    if imported := _IMPORTED.match(str(error)):
        yield f"{imported[2]}.{imported[1]}"
    elif isinstance(error, ImportError):
        yield from _under(error, error.name or "")
    elif isinstance(error, AttributeError):
        owner = error.obj if isinstance(error.obj, type) else type(error.obj)
        yield f"{getattr(error.obj, '__name__', owner.__name__)}.{error.name}"
    elif keyword := _KEYWORD.search(str(error)):
        yield f"{keyword[1]}.{keyword[2]}"


def _under(error: ImportError, package: str) -> Iterator[str]:
    """Yield the module that is not there, and what the statement takes from it or from below it."""
    yield package
    for frame in traceback.extract_tb(error.__traceback__):
        lines = linecache.getlines(frame.filename)[(frame.lineno or 1) - 1 : frame.end_lineno]
        for name in _names_in(textwrap.dedent("".join(lines))):
            parts = name.split(".")
            yield from (".".join(parts[:end]) for end in range(len(parts), 0, -1) if name.startswith(f"{package}."))


def _names_in(statement: str) -> Iterator[str]:
    """Yield what a statement imports, in full, and the texts in it, which may name a module."""
    try:
        tree = ast.parse(statement)
    except SyntaxError:  # a part of a longer one
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _renamed_method(error: BaseException) -> str:
    """Return the sentence for a method of a model or a data set that is called by its old name."""
    if not isinstance(error, AttributeError):
        return ""
    now = next((new for new, olds in METHODS.items() if error.name in olds and hasattr(error.obj, new)), None)
    return f" Its '{error.name}' is called '{now}' now." if now else ""
