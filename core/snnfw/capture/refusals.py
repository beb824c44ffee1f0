"""Say in one sentence why torch.export did not capture a network, or why the graph is not the network."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable

import torch
from torch import fx, nn
from torch.nn.utils import rnn

from snnfw.capture.sites import module_path, overload_packet

PACKED = (
    "the network packs sequences (pack_padded_sequence), which torch.export cannot capture: give the recurrent layer "
    "the padded sequences, with the padding at the end, read each sample's last output with torch.gather at its own "
    "length, and for the reverse direction run a second layer on samples that are turned round within their own length."
)
"""What to do instead of packing."""


def explain_failed_export(error: Exception, model: nn.Module) -> str:
    """Return the sentence for what torch.export raised."""
    text = str(error)
    if _packs_sequences(error):
        return PACKED
    if "data-dependent" in text or "Could not extract specialized integer" in text:
        return f"the network's forward decides by values{_place(text)}: use torch.where, or decide by sizes alone."
    if "Constraints violated" in text or "specializ" in text:
        sizes = re.findall(r"specialized.*?\((\d+)\)|constant[^0-9]*(\d+)", text)
        fixed = f" to {next(filter(None, sizes[0]))}" if sizes else ""
        return (
            f"the network's batch cannot be dynamic: its forward fixes the number of samples{fixed}. Derive sizes from "
            f"x.shape[0] (or use -1 in view and reshape), so that it runs on any number of samples.{_recurrent(model)}"
        )
    reason = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    return f"torch.export cannot capture the network ({type(error).__name__}): {reason}"


def _recurrent(model: nn.Module) -> str:
    """Return what is to be said of recurrent layers, which take samples for positions where nobody has said so."""
    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, nn.RNNBase)]
    if not layers:
        return ""
    name, layer = next(((name, layer) for name, layer in layers if not layer.batch_first), layers[0])
    if layer.batch_first:
        return (
            f" The recurrent layer '{name}' takes a matrix, if it is given one, for the positions of a single sample."
        )
    return f" The recurrent layer '{name}' takes dimension 0 for positions unless it is made with batch_first=True."


def _packs_sequences(error: BaseException) -> bool:
    """Tell whether torch failed at a packed sequence, or while packing one."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        packed = any(isinstance(value, rnn.PackedSequence) for value in frame.f_locals.values())
        if packed or frame.f_code in (rnn.pack_padded_sequence.__code__, rnn.pack_sequence.__code__):
            return True
    return False


def explain_randomness(nodes: Iterable[fx.Node]) -> str:
    """Return the sentence for a network that gives another answer each time."""
    found = next((node for node in nodes if draws_random_numbers(node)), None)
    if found is None:
        cause = "something in its forward is drawn anew in evaluation mode too, in Python or NumPy perhaps"
    elif "dropout" in str(overload_packet(found)):
        cause = (
            f"a dropout at {_where(found)} is on in evaluation mode too: write F.dropout(x, p, training=self.training)"
        )
    else:
        cause = f"'{overload_packet(found).__name__}' at {_where(found)} draws numbers in evaluation mode too"
    return f"the network gives another answer each time: {cause}. Turn it off in evaluation mode."


def draws_random_numbers(node: fx.Node) -> bool:
    """Tell whether an operator may draw random numbers."""
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())


def _where(node: fx.Node) -> str:
    return f"'{module_path(node) or 'the top of the network'}'"


def _place(text: str) -> str:
    """Return the line of the user's code that torch names last."""
    found = re.findall(r'File "([^"]+)", line (\d+), in (\w+)\n\s*(.+)', text.partition("The following call raised")[2])
    if not found:
        return ""
    file, line, _, code = found[-1]
    return f" ('{code.strip()}', line {line} of {file})"
