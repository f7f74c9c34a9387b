"""The question families, one file a group; `FAMILIES` holds them by name.

To add one: append a `Family` to a file's list (or add a file to `_PARTS`) and its wordings to `agentmm.world.wordings`.
"""

from agentmm.world.families import (
    by_look,
    codes,
    coined,
    documents,
    facts,
    plain,
    prices,
    scene_counts,
    scene_looks,
    scene_tallies,
    several,
    sight,
    sounds,
    untrained,
)
from agentmm.world.families.family import Draw, Family

_PARTS = (
    scene_counts,
    scene_looks,
    scene_tallies,
    facts,
    documents,
    prices,
    several,
    codes,
    sounds,
    plain,
    sight,
    by_look,
    untrained,
)

FAMILIES: dict[str, Family] = {family.name: family for part in _PARTS for family in part.FAMILIES}
"""Name -> family."""

COINED: dict[str, Family] = {family.name: family for family in coined.FAMILIES}
"""Name -> family without words of its own; asked by name and with wordings alone."""


def family_of(name: str) -> Family:
    """A family by its name, coined ones too.

    Raises:
        KeyError: there is none.
    """
    return FAMILIES[name] if name in FAMILIES else COINED[name]


__all__ = ["COINED", "FAMILIES", "Draw", "Family", "family_of"]
