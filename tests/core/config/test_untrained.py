from __future__ import annotations

from types import SimpleNamespace

import pytest

import toy_plugin
from snnfw.config.resolution import resolve
from snnfw.config.untrained import untrained_warning
from snnfw.contracts import Preset
from snnfw.conversion.direct import Direct
from snnfw.hookspecs import hookimpl
from snnfw.planning.rules import Rule
from snnfw.registry import Registry

LEARNT = Preset("learnt", (Rule("*", toy_plugin.Burst()),), Direct(), trained=True)


@pytest.mark.parametrize(("plugin", "warned"), [("learnt", True), ("bursting", False)])
def test_a_method_for_networks_trained_with_it_says_so_before_anything_is_computed(plugin: str, warned: bool) -> None:
    module = SimpleNamespace(__name__="learning", snnfw_register_presets=hookimpl(lambda: [LEARNT]))
    registry = Registry(plugins=[toy_plugin, module], entry_points=False)
    said = untrained_warning(resolve(["task=naming", f"plugin={plugin}"], registry), registry)
    assert (said or "").startswith("plugin=learnt is for networks that are trained with it: ") == warned
