"""What nodes read of a run's config, and how a run without `Agent` is started."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig

from agentmm.media import Handles, MediaStore, Record, default_home
from agentmm.nodes.intake import take_in
from agentmm.state import Settings, begin


@functools.lru_cache(maxsize=16)
def store_at(root: str) -> MediaStore:
    """The media store of a folder; one object a folder, so that decoded media are shared."""
    return MediaStore(root)


def store_of(config: RunnableConfig) -> MediaStore:
    """The run's media store: `configurable.agentmm_store`, else the user's own."""
    return store_at(str((config.get("configurable") or {}).get("agentmm_store") or default_home() / "media"))


def run_config(
    trace: str, home: Path | str | None = None, *, callbacks: Iterable[Any] = (), graph: str = "", **configurable: Any
) -> RunnableConfig:
    """The config of one run: where its media and journal lie, who listens.

    Args:
        trace: id of the trace; also the thread's where no other is given.
        home: folder of store and journal; the user's own where None.
        callbacks: LangChain callback handlers, such as the recorder.
        graph: name of the graph, for the trace.
        **configurable: further entries, such as `thread_id`.
    """
    root = Path(home) if home is not None else default_home()
    entries = {
        "thread_id": trace,
        "agentmm_trace": trace,
        "agentmm_store": str(root / "media"),
        "agentmm_journal": str(root / "journal"),
        "agentmm_graph": graph,
    }
    return {"configurable": {**entries, **configurable}, "callbacks": list(callbacks), "recursion_limit": 1000}


def begin_run(
    question: str,
    media: Iterable[Any] = (),
    *,
    home: Path | str | None = None,
    callbacks: Iterable[Any] = (),
    settings: Settings | None = None,
) -> tuple[dict[str, Any], RunnableConfig]:
    """Input and config for a graph of one's own: `graph.compile().invoke(*begin_run("How many?", ["a.png"]))`.

    Args:
        question: in words.
        media: paths, bytes, PIL images or media objects.
        home: folder of store and journal; the user's own where None.
        callbacks: LangChain callback handlers, such as the recorder.
        settings: budgets and seed.
    """
    root = Path(home) if home is not None else default_home()
    records = numbered(media, store_at(str(root / "media")))
    state = begin(question, records, settings=settings)
    return state, run_config(state["trace"], root, callbacks=callbacks)


def numbered(media: Iterable[Any], store: MediaStore, known: dict[str, Record] | None = None) -> dict[str, Record]:
    """Handle to record of media that enter a run, numbered after those it knows.

    Raises:
        MediaError: a file is unusable.
    """
    handles = Handles(known)
    records = [take_in(item, store, number) for number, item in enumerate(media, 1)]
    return {handles.mint(record["kind"]): record for record in records}
