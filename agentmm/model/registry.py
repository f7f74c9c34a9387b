"""Component name -> module: a component is one file in its slot's folder, found by the file's name.

The registry knows folders and names only; what a component does is its own file's business.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from agentmm.errors import ConfigError

SLOTS = ("encoder", "projector", "fusion", "decoder", "output_projector", "generator")


def component_names(slot: str) -> list[str]:
    """Names that `slot` offers, sorted: the module names of its folder.

    Raises:
        ConfigError: the slot does not exist.
    """
    if slot not in SLOTS:
        raise ConfigError("unknown component slot", got=slot, expected=f"one of {', '.join(SLOTS)}")
    package = importlib.import_module(f"agentmm.model.{slot}")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def component(slot: str, name: str) -> ModuleType:
    """The module of component `name` in `slot`; every such module has `build(config)`.

    Raises:
        ConfigError: the slot or the name does not exist.
    """
    names = component_names(slot)
    if name not in names:
        raise ConfigError(f"unknown {slot}", got=name, expected=f"one of {', '.join(names)}")
    return importlib.import_module(f"agentmm.model.{slot}.{name}")
