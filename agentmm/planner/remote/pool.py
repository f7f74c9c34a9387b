"""Several servers of one model as one planner: each conversation stays with its server, the others share the rest.

A server keeps what it has read of a conversation, so a run's steps go to the same one. One that cannot be used
(`Unusable`: down, silent, failing, refusing the key, none of this protocol), after its further tries, is left aside for
a while; its runs go to the next.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import Runnable
from langchain_core.runnables.config import ensure_config
from pydantic import PrivateAttr

from agentmm.planner.remote.failures import Unusable
from agentmm.planner.remote.planner import RemotePlanner

ASIDE_S = 30.0
"""How long a server that could not be used is left aside, in seconds."""


class _Aside:
    """Which servers are left aside; shared by all copies of a pool."""

    def __init__(self) -> None:
        self._until: dict[int, float] = {}
        self._lock = threading.Lock()

    def put(self, number: int) -> None:
        """Leave a server aside from now on."""
        with self._lock:
            self._until[number] = time.monotonic() + ASIDE_S

    def has(self, number: int) -> bool:
        """Whether a server is left aside."""
        with self._lock:
            return self._until.get(number, 0.0) > time.monotonic()


class Pool(BaseChatModel):
    """Planners on several servers of the same model.

    Attributes:
        planners: one a server, in the order of the name.
        called: how traces call them together.
        weights_id: what traces say of the weights.
    """

    takes_media: ClassVar[bool] = True
    takes_examples: ClassVar[bool] = True

    planners: list[Any]
    called: str = ""
    weights_id: str | None = None
    _aside: Any = PrivateAttr(default_factory=_Aside)

    @property
    def planner_name(self) -> str:
        """How traces call it."""
        return self.called

    @property
    def _llm_type(self) -> str:
        return "agentmm-pool"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """A pool whose models have the tools bound."""
        return self.model_copy(update={"planners": [one.bind_tools(tools, **kwargs) for one in self.planners]})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """One step, on the conversation's server or on the next that can be used.

        Args:
            messages: as in `RemotePlanner`, like `kwargs`.
            stop: ignored.
            run_manager: LangChain's.
            kwargs: see there.

        Raises:
            PlannerError: as there; that a server cannot be used, only where none can.
            TimeoutError: the run's time is over.
        """
        error: Unusable | None = None
        for number, planner in self._in_turn(messages):
            try:
                return planner._generate(messages, stop, run_manager, **kwargs)
            except Unusable as raised:
                self._aside.put(number)
                error = raised
        assert error is not None  # a pool has a server
        raise error

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        """`_generate` for event loops."""
        error: Unusable | None = None
        for number, planner in self._in_turn(messages):
            try:
                return await planner._agenerate(messages, stop, run_manager, **kwargs)
            except Unusable as raised:
                self._aside.put(number)
                error = raised
        assert error is not None  # as above
        raise error

    def close(self) -> None:
        """Close each server's planner."""
        for planner in self.planners:
            planner.close()

    def _in_turn(self, messages: Sequence[BaseMessage]) -> Iterator[tuple[int, RemotePlanner]]:
        """Servers to try: the conversation's and those after it, without those left aside unless all are."""
        count = len(self.planners)
        first = int.from_bytes(hashlib.sha256(_conversation(messages).encode()).digest()[:8]) % count
        numbers = [(first + step) % count for step in range(count)]
        there = [number for number in numbers if not self._aside.has(number)]
        for number in there or numbers:
            yield number, self.planners[number]


def _conversation(messages: Sequence[BaseMessage]) -> str:
    """What stays the same from step to step: the trace's id, else the first question."""
    configurable = ensure_config().get("configurable") or {}
    first = next((message for message in messages if isinstance(message, HumanMessage)), None)
    return str(configurable.get("agentmm_trace") or (first.text if first is not None else ""))
