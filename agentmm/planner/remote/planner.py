"""Chat models that run elsewhere as planners: they see the run's media, and what they tell of tokens is recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.runnables.config import ensure_config
from pydantic import Field, PrivateAttr

from agentmm.media import MediaStore, default_home
from agentmm.planner.instructions import INSTRUCTIONS
from agentmm.planner.keys import hidden, keys_of
from agentmm.planner.letters import storable
from agentmm.planner.remote.calls import CALLED, heard
from agentmm.planner.remote.failures import BrokeOff, Unheard, failure_of
from agentmm.planner.remote.gate import Gate, seconds_left
from agentmm.planner.remote.refusals import REFUSAL, refused
from agentmm.planner.remote.served import STREAM, Served
from agentmm.planner.remote.showing import MAX_SIDE_PX, Show, filled, last_own, pictures_in
from agentmm.planner.remote.silence import Stalled
from agentmm.planner.remote.travelling import POLL_S, EachRequest
from agentmm.planner.reporting import report_event
from agentmm.planner.specs import schema_of
from agentmm.state import cut_off

ASKED: dict[str, Any] = {"logprobs": True, "extra_body": {"return_token_ids": True}}
"""What a server is asked beside words: log-probabilities, and vLLM's extension for token ids."""

_RETRIES = 2
"""Further tries where nothing is said of them, as of the openai client."""

_REFUSALS = (400, 404, 405, 422)
"""Statuses with which servers refuse a parameter that they do not know."""

_GRACE_S = 0.3
"""A request that ran out of time so shortly before the run's end ended by the run's budget."""

_BULKY = frozenset({"logprobs", "prompt_token_ids", "token_ids", CALLED, REFUSAL})
"""What of a reply's metadata does not stay in the conversation."""


class RemotePlanner(BaseChatModel):
    """A LangChain chat model that sees the run's media.

    Attributes:
        model: the chat model, or one with tools bound.
        instructions: the system message.
        max_side_px: longest side of a picture that is sent.
        called: how traces call it; after class and model where empty.
        weights_id: what traces say of the weights: a server's name, since it hides them.
        asked: what is asked of a server beside words (log-probabilities, token ids, seed): parameters of a request,
            dropped for good where it refuses them; empty for providers' own models.
        seeded: whether the run's seed is sent.
        timeout_s: how long the server may be silent, cut to what is left of the run's time; None where the model keeps
            that itself.
        gate: how often, and how many at once.
        travel: how pictures get there: with each request, or once (`agentmm.planner.remote.travelling`).
        mend: what errors say is to be tried; `doctor` where None.
    """

    takes_media: ClassVar[bool] = True
    takes_examples: ClassVar[bool] = True

    model: Any
    instructions: str = INSTRUCTIONS
    max_side_px: int = MAX_SIDE_PX
    called: str = ""
    weights_id: str | None = None
    asked: dict[str, Any] = Field(default_factory=dict, repr=False)
    seeded: bool = False
    timeout_s: float | None = None
    gate: Any = Field(default_factory=Gate, exclude=True, repr=False)
    travel: Any = Field(default_factory=EachRequest, exclude=True, repr=False)
    mend: str | None = None
    _level: list[int] = PrivateAttr(default_factory=list)  # how much a server takes, once it has taken a request

    @property
    def planner_name(self) -> str:
        """How traces call it."""
        inner = self._inner
        name = getattr(inner, "model_name", None) or getattr(inner, "model", None)
        return self.called or (f"{type(inner).__name__}:{name}" if isinstance(name, str) else type(inner).__name__)

    @property
    def _llm_type(self) -> str:
        return "agentmm-remote"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """A planner whose model has the tools bound, as its own library renders them."""
        return self.model_copy(update={"model": self.model.bind_tools([_schema(tool) for tool in tools], **kwargs)})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """One step: show, ask, read, report.

        Args:
            messages: the conversation; media are blocks `{"type": "image", "file_id": "image_1"}`.
            stop: ignored.
            run_manager: LangChain's.
            kwargs: `media` (handle to record) and `seed`.

        Raises:
            PlannerError: the server cannot be reached, refuses, is silent for too long, or says what nobody can read.
            TimeoutError: the run's time is over.
        """
        show = self._show(kwargs)
        shown = self._shown(show, messages)
        with self._failing(), self.travel.journey(pictures_in(shown)) as journey:
            while True:
                while journey.waits():
                    time.sleep(POLL_S)
                journey.prepare()
                sent = filled(shown, journey.block)
                with self.gate.passed():
                    started = time.perf_counter()
                    try:
                        said = self._ask(sent, kwargs)
                        break
                    except Exception as error:
                        if not journey.refused(error):
                            raise
            journey.arrived()
        return self._result(said, messages, show, run_manager, time.perf_counter() - started)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        """`_generate` for event loops."""
        show = self._show(kwargs)
        shown = self._shown(show, messages)
        with self._failing(), self.travel.journey(pictures_in(shown)) as journey:
            while True:
                while journey.waits():
                    await asyncio.sleep(POLL_S)
                if journey.works:
                    await asyncio.to_thread(journey.prepare)
                sent = filled(shown, journey.block)
                async with self.gate.apassed():
                    started = time.perf_counter()
                    try:
                        said = await self._aask(sent, kwargs)
                        break
                    except Exception as error:
                        if not journey.refused(error):
                            raise
            journey.arrived()
        return self._result(said, messages, show, run_manager, time.perf_counter() - started)

    def _ask(self, shown: list[BaseMessage], kwargs: Mapping[str, Any]) -> AIMessage:
        """What the model says; a server that falls silent or breaks off in the middle of it is asked once more.

        One of which nothing was heard but headers has as many further tries as one that sends none.
        """
        tried = 0
        while True:
            try:
                return self._whole(self._asked(shown, kwargs))
            except (Stalled, BrokeOff) as error:
                tried += 1
                if not self._tries_again(tried, error):
                    raise

    async def _aask(self, shown: list[BaseMessage], kwargs: Mapping[str, Any]) -> AIMessage:
        """`_ask` for event loops."""
        tried = 0
        while True:
            try:
                return self._whole(await self._aasked(shown, kwargs))
            except (Stalled, BrokeOff) as error:
                tried += 1
                if not self._tries_again(tried, error):
                    raise

    def _whole(self, said: AIMessage) -> AIMessage:
        """What was said, to its end.

        Raises:
            BrokeOff: it streamed, and nothing says that it is finished.
        """
        streams = getattr(self._inner, "streaming", False) is True and self.asked
        if streams and not said.response_metadata.get("finish_reason"):
            raise BrokeOff
        return said

    def _tries_again(self, tried: int, error: Exception) -> bool:
        """Whether the server is asked again after so many tries: its client may, and the run's time leaves it any."""
        given, left = getattr(self._inner, "max_retries", None), seconds_left()
        further = _RETRIES if given is None else given
        most = further if isinstance(error, Unheard) else min(1, further)
        return tried <= most and (left is None or left > 0)

    def _asked(self, shown: list[BaseMessage], kwargs: Mapping[str, Any]) -> AIMessage:
        """What the model says; a server that refuses extra parameters is asked again with fewer."""
        ways = self._ways(kwargs)
        for level, extras in ways[:-1]:
            try:
                return self._settled(level, self._inner.invoke(shown, _quiet(), **self._given(extras)))
            except Exception as error:
                if getattr(error, "status_code", None) not in _REFUSALS:
                    raise
        level, extras = ways[-1]
        return self._settled(level, self._inner.invoke(shown, _quiet(), **self._given(extras)))

    async def _aasked(self, shown: list[BaseMessage], kwargs: Mapping[str, Any]) -> AIMessage:
        """`_asked` for event loops."""
        ways = self._ways(kwargs)
        for level, extras in ways[:-1]:
            try:
                return self._settled(level, await self._inner.ainvoke(shown, _quiet(), **self._given(extras)))
            except Exception as error:
                if getattr(error, "status_code", None) not in _REFUSALS:
                    raise
        level, extras = ways[-1]
        return self._settled(level, await self._inner.ainvoke(shown, _quiet(), **self._given(extras)))

    def _ways(self, kwargs: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
        """Levels and extra parameters to try, most first; one alone once the server has taken a request."""
        seed = {"seed": int(kwargs.get("seed") or 0)} if self.seeded else {}
        plain = {name: value for name, value in self.asked.items() if name != "extra_body"}
        ways = [self.asked | seed, plain | seed, {}]
        if self._level:
            return [(self._level[0], ways[self._level[0]])]
        first = next(level for level in range(3) if level == 2 or ways[level])
        return list(enumerate(ways))[first:]

    def _settled(self, level: int, said: AIMessage) -> AIMessage:
        """What was said; the server takes that many parameters from now on."""
        if not self._level:
            self._level.append(level)
        return said

    @property
    def _inner(self) -> Any:
        """The chat model itself.

        A binding around it would ask it with the callbacks of the run, which must hear of a reply only once it is read
        and its keys are blotted out.
        """
        return getattr(self.model, "bound", self.model)

    @property
    def _bound(self) -> Mapping[str, Any]:
        """What is bound to the chat model, its tools above all."""
        return (getattr(self.model, "kwargs", None) if self._inner is not self.model else None) or {}

    def _given(self, extras: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters of a request: what is bound (the tools), extra ones, and the time until the run's end at most."""
        given = {**self._bound, **extras}
        if self.timeout_s is not None:
            left = seconds_left()
            given["timeout"] = self.timeout_s if left is None else max(0.1, min(self.timeout_s, left + 1.0))
        return given

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn what clients raise into one line without keys; what the run's end cut off is the run's end."""
        failure: Exception | None = None
        try:
            yield
        except Exception as error:
            left = seconds_left()
            failure = failure_of(error, self.planner_name, keys_of(self.model), self.timeout_s, self.mend)
            if left is not None and left <= _GRACE_S:
                failure = TimeoutError("the run's time is over")
        if failure is not None:
            raise failure from None  # tracebacks leave the client's error out: it may quote a key

    def _result(
        self,
        said: AIMessage,
        messages: Sequence[BaseMessage],
        show: Show,
        run_manager: CallbackManagerForLLMRun | None,
        seconds: float,
    ) -> ChatResult:
        """The message as the conversation keeps it; the recorder is told the rest.

        Raises:
            PlannerError: the model refuses, or a filter stopped it, and nothing else came.
        """
        told = dict(said.response_metadata)
        keys = keys_of(self.model)
        clean, blotted = _blotted(said, bool(self._bound.get("tools")), keys)
        refusal = refused(clean, self.planner_name, keys)
        if refusal is not None:
            raise refusal
        counted = (said.usage_metadata or {}).get("output_tokens")
        served = None if blotted else Served.of(told, counted)
        last = last_own(messages)
        before = None if last is None else messages[last].response_metadata.get(STREAM)
        kept = {name: value for name, value in clean.response_metadata.items() if name not in _BULKY}
        event: dict[str, Any] = {"media": show.hashes(messages)}
        counters = {"seconds": round(seconds, 6), "cut_off": int(cut_off(said))}
        if served is not None:
            kept |= {"completion_ids": served.completion_ids, STREAM: served.mark}
            kept |= {"logp": [round(value, 6) for value in served.logp]} if served.logp else {}
            new = served.prompt_ids if last is None else served.new_since(before)
            event |= {"prompt_ids": new, "completion_ids": served.completion_ids, "logp": served.logp}
            counters["unstable"] = int(new is None)
        report_event({**event, "counters": counters}, run_manager)
        message = clean.model_copy(update={"response_metadata": kept})
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _show(self, kwargs: Mapping[str, Any]) -> Show:
        """What turns this run's handles into media."""
        store = MediaStore((ensure_config().get("configurable") or {}).get("agentmm_store") or default_home() / "media")
        return Show(kwargs.get("media") or {}, store, self.max_side_px)

    def close(self) -> None:
        """Let a provider forget the pictures that were uploaded to it, as far as it can be told to."""
        self.travel.close()

    def _shown(self, show: Show, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        """The conversation with media in place of handles; how pictures travel is not decided yet."""
        return [SystemMessage(self.instructions), *show.conversation(messages)]


def _blotted(said: AIMessage, bound: bool, keys: Sequence[str]) -> tuple[AIMessage, bool]:
    """A reply that can be stored, its calls read, without keys; and whether it held one: a server may say it back."""
    fields = ("content", "tool_calls", "invalid_tool_calls", "additional_kwargs", "response_metadata", "id", "name")
    there = storable({name: getattr(heard(said, bound=bound), name) for name in fields})
    clean = hidden(storable({name: getattr(heard(said, bound=bound, keys=keys), name) for name in fields}), keys)
    return said.model_copy(update=clean), clean != there


def _schema(tool: Any) -> Any:
    """OpenAI's form of a tool, which every provider's library converts."""
    return schema_of(tool) if hasattr(tool, "params") else tool


def _quiet() -> Any:
    """The config without callbacks: this planner reports the step, the model inside must not report it again."""
    return {**ensure_config(), "callbacks": []}
