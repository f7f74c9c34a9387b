"""The question families, one file a group; `FAMILIES` holds them by name.

To add one: append a `Family` to a file's list (or add a file to `_PARTS`) and its wordings to `agentmm.world.wordings`.
"""

from agentmm.world.families import (
    by_look,
    codes,
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

__all__ = ["FAMILIES", "Draw", "Family"]
