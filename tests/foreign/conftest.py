"""Checkpoints on disk, made once a session, and planners loaded from them."""

from typing import Any

import pytest

from tests.foreign.abilities import only_calls
from tests.foreign.checkpoints import make


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A family's name -> the folder of its tiny checkpoint."""
    made = {}

    def of(family):
        if family not in made:
            made[family] = make(family, tmp_path_factory.mktemp(family) / family)
        return made[family]

    return of


@pytest.fixture(scope="session")
def planner(checkpoint):
    """A family's name -> a planner loaded from disk; each has its own sessions, all share the weights."""
    from agentmm.planner import load_planner

    loaded = {}

    def of(family, **fields):
        if family not in loaded:
            loaded[family] = load_planner(f"hf:{checkpoint(family)}", max_tokens=6)
        known = loaded[family]
        given = {name: getattr(known, name) for name in type(known).model_fields} | fields
        fresh = type(known)(**given)
        fresh.__dict__["exactness"] = known.exactness
        fresh.__dict__["wire"] = known.wire
        return fresh

    return of


@pytest.fixture
def always_calls(monkeypatch):
    """The grammar without its answers, for as many steps as one says: a random model calls no tool by itself."""
    from agentmm.planner.foreign import chat as chat_module
    from agentmm.planner.foreign import syntax as syntax_module

    own, left = chat_module.cached_grammar, [10**6]

    def grammar(*given: Any) -> str:
        left[0] -= 1
        lark = own(*given)
        return only_calls(lark) if left[0] >= 0 else lark

    monkeypatch.setattr(chat_module, "cached_grammar", grammar)
    monkeypatch.setattr(syntax_module, "_THOUGHT", "[a-z ]{0,20}")  # a random model would think for ever
    return left
