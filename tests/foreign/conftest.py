"""Checkpoints on disk, made once a session, and planners loaded from them."""

import pytest

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
