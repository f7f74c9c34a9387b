"""What a planner tells the recorder of a step, and where it finds the run's pictures and its deadline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun, dispatch_custom_event
from langchain_core.runnables import ensure_config

from agentmm.media import MediaStore, default_home
from agentmm.planner.recorded import below
from agentmm.planner.writing import Completion


def report_step(
    prompt_ids: Sequence[int], media: Sequence[str], done: Completion, run_manager: CallbackManagerForLLMRun | None
) -> None:
    """One event per step, for the recorder; none where no run is above.

    Args:
        prompt_ids: the prompt's ids that no earlier step had.
        media: hashes of the media whose placeholders stand in them, in order.
        done: what was generated.
        run_manager: LangChain's.
    """
    event = {
        "prompt_ids": list(prompt_ids),
        "completion_ids": done.ids,
        "logp": done.logp,
        "logp_sampled": done.logp_sampled,
        "forced": [int(value) for value in done.forced],
        "media": list(media),
        "counters": vars(done.counters),
    }
    report_event(event, run_manager)


def report_event(event: Mapping[str, Any], run_manager: CallbackManagerForLLMRun | None) -> None:
    """Send a step to the recorder; nothing is sent where no run is above.

    Args:
        event: fields of `agentmm.trace.schema.PlanRecord`; ids that are not known are left out or None.
        run_manager: LangChain's.
    """
    if run_manager is None or run_manager.parent_run_id is None:
        return
    dispatch_custom_event("agentmm.step", dict(event), config=below(run_manager))


def metadata_of(done: Completion) -> dict[str, Any]:
    """The fields of an `AIMessage` that say what a completion was and what it cost."""
    read, wrote = done.counters.prefill_tokens + done.counters.cached_tokens, len(done.ids)
    cut = {"finish_reason": "length"} if done.counters.cut_off else {}
    return {
        "response_metadata": {"completion_ids": done.ids, "logp": [round(value, 6) for value in done.logp], **cut},
        "usage_metadata": {"input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote},
    }


def stored_media(records: Mapping[str, Any]) -> Callable[[str], Any]:
    """Brings a medium of the run by its hash out of the run's store.

    Args:
        records: handle -> record; a hash that none of them has is looked up by itself.
    """
    folder = (ensure_config().get("configurable") or {}).get("agentmm_store") or default_home() / "media"
    store = MediaStore(Path(folder))
    by_sha = {record["sha"]: record for record in records.values() if record.get("sha")}
    return lambda sha: store.get(by_sha.get(sha, sha))


def step_deadline() -> float | None:
    """When the run above must be over, seconds since 1970; None where it has no such moment."""
    return (ensure_config().get("configurable") or {}).get("agentmm_deadline")
