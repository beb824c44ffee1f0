"""Decide when gradients flow through a model."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import nn

Method = TypeVar("Method", bound=Callable[..., Any])


def differentiable_in_training(method: Method) -> Method:
    """Let gradients through a method of a model in training mode, where they are wanted, and never otherwise."""

    @functools.wraps(method)
    def run(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):
            return method(self, *args, **kwargs)

    return cast("Method", run)
