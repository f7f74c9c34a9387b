"""What a planner can do, found out by loading it, or by asking a server: for `agentmm doctor --planner NAME`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentmm.errors import PlannerError
from agentmm.planner.loading import load_planner

TICKS = ("schema", "call", "result", "image_in_result", "audio_in_result")
"""What a model's own chat template may show; of the media those that the model has a sense for."""


def examine(name: str) -> dict[str, Any]:
    """Load a planner and say what its template shows, how calls are written, and whether sessions are exact.

    Args:
        name: as for `load_planner`.

    Returns:
        `planner`, `model` (its class), `weights`, `ticks` (by name; None where no template of another maker is used),
        `calls` (`template` or `hermes`), `plain` (marks around calls that are no tokens of the vocabulary, and so
        written as plain text), `plain_turns` (likewise those around turns), `sessions` (`exact`, `uncached`; None where
        none are kept here), `difference` (largest of a logit, cached against uncached), `why` (not exact), `half` (the
        half precision that it computes in: `bfloat16`; empty for any other), `coarse` (how far that is from float32 by
        itself, largest of a logit; None where it is unknown), `batch` (`abreast` where the steps of several
        episodes are one pass, `in turns` where each has its own; None where no model runs here), `apart` (largest
        difference of a logit, abreast against alone), `turns` (why they take turns), `context` (tokens), `surplus`
        (tensors in its files that it has no place for), `served` (what `agentmm.planner.remote.probing.probe` found
        out; None where the planner runs here; of several servers what all that work do, and as `servers` of each its
        `server`, `works`, `seconds` and `why` it does not).

    Raises:
        PlannerError: it cannot be loaded, or its server gives no usable reply.
    """
    planner = load_planner(name)
    model = getattr(planner, "model", None)
    report: dict[str, Any] = {
        "planner": name,
        "model": type(planner if model is None else model).__name__,
        "weights": getattr(planner, "weights_id", None),
        "ticks": None,
        "calls": None,
        "plain": [],
        "plain_turns": [],
        "sessions": None,
        "difference": None,
        "why": "",
        "half": "",
        "coarse": None,
        "batch": None,
        "apart": None,
        "turns": "",
        "context": None,
        "surplus": [],
        "served": None,
    }
    if hasattr(planner, "asked"):
        return report | _served([planner])
    if hasattr(planner, "planners"):
        return report | _served(planner.planners)
    if hasattr(planner, "wire"):
        return report | _foreign(planner)
    if hasattr(planner, "renderer"):
        limit = planner.model.config.text_config.max_position_embeddings
        report |= {"ticks": dict.fromkeys(TICKS[:4], True), "calls": "template", "sessions": "exact", "context": limit}
        report |= {"batch": "abreast"}
    return report


def _foreign(planner: Any) -> dict[str, Any]:
    """What a model of another maker shows.

    Raises:
        PlannerError: its context has no room for a question, or its logits are no numbers or all equal.
    """
    from agentmm.planner.foreign.vocabulary import turns_plain, written_plain

    if planner.context is not None and planner.context <= planner.max_tokens:
        raise PlannerError(
            "the model's context is too short for any question",
            got=f"{planner.context} tokens",
            expected=f"more than the {planner.max_tokens} that are kept for an answer",
            mend="a model with a longer context",
        )
    wire, measured = planner.wire, planner.exactness
    return {
        "ticks": {name: shown for name in TICKS if (shown := getattr(wire.ticks, name)) is not None},
        "calls": "template" if wire.own else "hermes",
        "plain": written_plain(wire, planner.spelling),
        "plain_turns": turns_plain(wire, planner.spelling),
        "sessions": "exact" if measured.exact else "uncached",
        "difference": measured.difference,
        "why": measured.why,
        "half": measured.half,
        "coarse": measured.coarse,
        "batch": "abreast" if measured.together and not planner.separate else "in turns",
        "apart": measured.apart,
        "turns": measured.turns or ("batch=exact" if planner.separate else ""),
        "context": planner.context,
        "surplus": list(planner.surplus),
    }


def _served(planners: Sequence[Any]) -> dict[str, Any]:
    """What a server does, or what each of several does."""
    from agentmm.planner.remote.probing import probe

    found, servers = [], []
    for planner in planners:
        state: dict[str, Any] = {"server": planner.planner_name.rpartition("@")[2], "works": True, "why": ""}
        try:
            found.append(probe(planner))
            state["seconds"] = found[-1]["seconds"]
        except PlannerError as error:
            if len(planners) == 1:
                raise
            state |= {"works": False, "why": str(error), "seconds": None}
        servers.append(state)
    if not found:
        each = " · ".join(state["why"] for state in servers)
        raise PlannerError(f"none of the {len(servers)} servers can be used: {each}")
    alike = {name: all(one[name] for one in found) for name in ("answers", "tools", "pictures", "once", "ids", "logp")}
    as_text = any(one["as_text"] for one in found)
    whys = " · ".join(filter(None, (one["why"] for one in found)))
    travel = " · ".join(dict.fromkeys(one["travel"] for one in found if one["once"] == alike["once"]))
    model = type(planners[0].model).__name__
    return {
        "model": model,
        "weights": None,
        "served": alike
        | {"as_text": as_text, "seconds": max(o["seconds"] for o in found), "why": whys, "travel": travel}
        | {"servers": servers if len(servers) > 1 else []},
    }
