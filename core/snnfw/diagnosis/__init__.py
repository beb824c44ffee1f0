"""Diagnosis: what separates a spiking network from the network itself; what explains an error comes in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.diagnosis.findings import Diagnosis, SiteError
    from snnfw.diagnosis.splitting import split_errors

__all__ = ["Diagnosis", "SiteError", "split_errors"]

__getattr__ = import_on_demand(__name__, {"findings": "Diagnosis SiteError", "splitting": "split_errors"})
