"""A tool of ours inside somebody else's LangChain agent: handles in and handles out, through the run's config.

The app names the media store and the records once:
`config={"configurable": {"agentmm_store": "folder", "agentmm_media": records}}`; new records are added to `records`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from agentmm.errors import CallError, ConfigError, MediaError, ToolError
from agentmm.media import Handles, MediaStore
from agentmm.tool.checking import check_arguments, handles_of, resolve_arguments
from agentmm.tool.definition import Tool
from agentmm.tool.recording import error_observation, record_result
from agentmm.tool.running import run_tool

STORE_KEY, MEDIA_KEY, TIMEOUT_KEY = "agentmm_store", "agentmm_media", "agentmm_timeout_s"
"""Keys of `config["configurable"]`: a folder or `MediaStore`, a dict of records, seconds a call may take."""

_NUMBERING = threading.Lock()  # two parallel calls must not mint the same handle


def run_with_handles(tool: Tool, arguments: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Check, resolve, run and record one call.

    Args:
        tool: the tool.
        arguments: the call's arguments; media are handles.
        config: the run's config.

    Returns:
        (observation, artifact): the artifact has `value`, `media` (new records), `seconds` and `provenance`.
    """
    configurable = config.get("configurable") or {}
    records = configurable.get(MEDIA_KEY)
    records = records if isinstance(records, dict) else {}
    try:
        ready = check_arguments(tool, arguments, records)
        store = _store(configurable.get(STORE_KEY))
        result = run_tool(tool, resolve_arguments(tool, ready, records, store), configurable.get(TIMEOUT_KEY))
        with _NUMBERING:
            recorded = record_result(result.value, Handles(records), store, handles_of(tool, ready))
            records.update(recorded.made)
    except (ToolError, MediaError) as error:
        return error_observation(error), {"error": str(error), "kind": _kind(error)}
    artifact = {"value": recorded.value, "media": recorded.made, "seconds": result.seconds}
    return recorded.text, artifact | {"provenance": result.provenance}


def _kind(error: Exception) -> str:
    return "call" if isinstance(error, CallError) else "tool"


def _store(named: Any) -> MediaStore:
    """The store that the config names; the default one where it names none."""
    if isinstance(named, MediaStore):
        return named
    if named is not None and not isinstance(named, str) and not hasattr(named, "__fspath__"):
        raise ConfigError(f"{STORE_KEY} in the config is no folder", got=named, expected="a path or a MediaStore")
    return MediaStore(named)
