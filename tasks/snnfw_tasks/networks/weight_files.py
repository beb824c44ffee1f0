"""Read files of weights by what they hold, whatever they are called, and run nothing in them."""

from __future__ import annotations

import re
from argparse import Namespace
from typing import TYPE_CHECKING

import torch

from snnfw import SnnfwError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".tar", ".bin")
"""How such files are usually called; the content decides."""

PYTORCH = (b"PK\x03\x04", b"\x80")
"""How a file of torch.save begins: an archive, or a pickle of before version 1.6."""


def split_part(path: Path) -> tuple[Path, str]:
    """Return the file, and the part of it that ``FILE#PART`` names, or an empty string."""
    whole, sign, part = str(path).rpartition("#")
    return (type(path)(whole), part) if sign and not path.is_file() else (path, "")


def read_content(path: Path) -> object:
    """Return the content of a file: tensors, and plain values around them."""
    if not path.is_file():
        raise SnnfwError(f"weights '{path}' do not exist: check the path.")
    with path.open("rb") as file:
        head = file.read(9)
    pytorch = head.startswith(PYTORCH)
    if (head[8:] == b"{" or path.suffix == ".safetensors") and not pytorch:
        return _read_safetensors(path)
    if pytorch or path.suffix in SUFFIXES:
        return _read_pytorch(path)
    raise SnnfwError(f"weights '{path}' have an unknown format: give a safetensors file, or one that torch.save wrote.")


def _read_safetensors(path: Path) -> object:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise SnnfwError(f"weights '{path}' cannot be read as safetensors: the file is damaged.") from error


def _read_pytorch(path: Path) -> object:
    try:
        # Scripts like to keep their arguments beside the weights: plain values under names.
        with torch.serialization.safe_globals([Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file raises whatever its bytes lead to
        held = re.search(r"GLOBAL (\S+)", str(error))
        because = f" (they hold a {held[1]}, which could run as code)" if held else ""
        raise SnnfwError(
            f"weights '{path}' cannot be read with weights_only=True{because}: save model.state_dict() again, "
            "or convert them to safetensors."
        ) from error
