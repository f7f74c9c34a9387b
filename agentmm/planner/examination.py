"""What a planner can do here, found out by loading it: for `agentmm doctor --planner NAME`."""

from __future__ import annotations

from typing import Any

from agentmm.planner.loading import load_planner

TICKS = ("schema", "call", "result", "image_in_result", "audio_in_result")
"""What a model's own chat template may show; of the media those that the model has a sense for."""


def examine(name: str) -> dict[str, Any]:
    """Load a planner and say what its template shows, how calls are written, and whether sessions are exact.

    Args:
        name: as for `load_planner`.

    Returns:
        `planner`, `model` (its class), `weights`, `ticks` (by name; None where no template of another maker is used),
        `calls` (`template` or `hermes`), `sessions` (`exact`, `uncached`; None where none are kept here), `difference`
        (largest of a logit, cached against uncached), `why` (not exact), `context` (tokens).

    Raises:
        PlannerError: it cannot be loaded.
    """
    planner = load_planner(name)
    model = getattr(planner, "model", None)
    report: dict[str, Any] = {
        "planner": name,
        "model": type(planner if model is None else model).__name__,
        "weights": getattr(planner, "weights_id", None),
        "ticks": None,
        "calls": None,
        "sessions": None,
        "difference": None,
        "why": "",
        "context": None,
    }
    if hasattr(planner, "wire"):
        return report | _foreign(planner)
    if hasattr(planner, "renderer"):
        limit = planner.model.config.text_config.max_position_embeddings
        report |= {"ticks": dict.fromkeys(TICKS[:4], True), "calls": "template", "sessions": "exact", "context": limit}
    return report


def _foreign(planner: Any) -> dict[str, Any]:
    """What a model of another maker shows."""
    wire, measured = planner.wire, planner.exactness
    return {
        "ticks": {name: shown for name in TICKS if (shown := getattr(wire.ticks, name)) is not None},
        "calls": "template" if wire.own else "hermes",
        "sessions": "exact" if measured.exact else "uncached",
        "difference": measured.difference,
        "why": measured.why,
        "context": planner.context,
    }
