"""How the families are worded: templates for training (`seen`) and others, written differently, for tests (`unseen`).

Places: `{a}` and `{b}` in the form natural to the family (`red circles` where things are counted, `red circle` where
one is meant), `{A}` and `{B}` the same with a capital, `{a_one}` and `{a_many}` where a template wants the other form.
"""

from agentmm.world.wordings import codes, documents, scene_counts, scene_looks, several, sight, sounds, untrained
from agentmm.world.wordings.templates import Wordings

_PARTS = (scene_counts, scene_looks, documents, several, codes, sounds, sight, untrained)

WORDINGS: dict[str, Wordings] = {name: wordings for part in _PARTS for name, wordings in part.WORDINGS.items()}
"""Family -> its wordings."""

TURNED = ("value", "date", "store", "sign_line", "price", "bill_total")
"""Families that are asked of turned pages in the same words."""

WORDINGS |= {f"turned_{name}": WORDINGS[name] for name in TURNED}

__all__ = ["WORDINGS", "Wordings"]
