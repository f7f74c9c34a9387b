"""`ForeignChat`: another maker's model that sees or hears as a LangChain chat model that calls tools.

Each step renders the messages between the model's own marks, feeds what is new, and reports itself by one event.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, run_in_executor
from pydantic import ConfigDict, Field, PrivateAttr

from agentmm.errors import PlannerError
from agentmm.planner.batching import PLACES, Batch
from agentmm.planner.completion import split_thought
from agentmm.planner.constrain import Constraint, Constraints, cached_grammar, matcher_tokenizer
from agentmm.planner.foreign.calls import ReadCalls
from agentmm.planner.foreign.engine import ForeignModel, Load
from agentmm.planner.foreign.exactness import Exactness, measure
from agentmm.planner.foreign.features import Features
from agentmm.planner.foreign.packing import LEAST
from agentmm.planner.foreign.pictures import Pictures
from agentmm.planner.foreign.rendering import ForeignRenderer, Told
from agentmm.planner.foreign.room import too_long
from agentmm.planner.foreign.session import ForeignSession
from agentmm.planner.foreign.spelling import Spelling
from agentmm.planner.foreign.syntax import syntax_of
from agentmm.planner.foreign.template import Template
from agentmm.planner.foreign.windows import hearing
from agentmm.planner.foreign.wire import Wire
from agentmm.planner.reporting import metadata_of, report_step, step_deadline, stored_media
from agentmm.planner.sequence import Request
from agentmm.planner.session import Sessions
from agentmm.planner.specs import schema_of, spec_of
from agentmm.planner.writing import Completion, Sampling
from agentmm.state import with_own_ids

log = logging.getLogger(__name__)

CACHE_BYTES = 2 * 2**30
"""Bytes that the sessions of a model may hold together."""


class ForeignChat(BaseChatModel):
    """A model of transformers with its processor, as a chat model.

    Attributes:
        model: the model.
        processor: its processor, with tokenizer and chat template.
        planner_name: how traces call it.
        weights_id: identity of the weights and the adapter, for traces.
        temperature: 0 takes the likeliest legal token.
        max_tokens: most tokens of one step.
        surplus: names of tensors in the model's files that it has no place for.
        constrained: whether calls must keep to the tools' grammar.
        blind: whether a grey picture of the same size stands in for every picture, and silence for every sound (for
            measurement).
        keep_sessions: whether sessions are kept from step to step.
        cache_bytes: bytes that sessions and what is being written may hold together.
        at_once: most steps, of as many episodes, that are written at once.
        packs: whether on the CPU weights that float16 holds exactly are kept in it (`packing.py`), and few tokens
            attend in groups (`attention.py`).
        ahead: whether guesses of what comes next are fed along; in float32 they change nothing but time.
        separate: whether each of several episodes has passes of its own (`?batch=exact`). Those that share passes get
            what each gets alone but for rounding, which in half precision may turn a near tie.
        closes_turns: whether `<|end|>` closes a turn that ran into its limit: never here.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    model: Any = Field(exclude=True, repr=False)
    processor: Any = Field(exclude=True, repr=False)
    planner_name: str = "hf"
    weights_id: str | None = None
    temperature: float = 0.0
    max_tokens: int = 512
    constrained: bool = True
    blind: bool = False
    keep_sessions: bool = True
    cache_bytes: int = CACHE_BYTES
    at_once: int = PLACES
    packs: bool = True
    ahead: bool = True
    separate: bool = False
    takes_media: bool = True
    takes_examples: bool = True
    closes_turns: bool = False
    surplus: tuple[str, ...] = Field(default=(), repr=False)
    _lock: Any = PrivateAttr(default_factory=threading.RLock)

    @property
    def _llm_type(self) -> str:
        return "agentmm-foreign"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"planner": self.planner_name, "weights": self.weights_id, "temperature": self.temperature}

    @cached_property
    def wire(self) -> Wire:
        """How the model's template tells conversations."""
        return Wire(Template(self.processor, hears=getattr(self.model.config, "audio_config", True) is not None))

    @cached_property
    def spelling(self) -> Spelling:
        """The model's tokenizer."""
        return Spelling(self.processor.tokenizer)

    @cached_property
    def pictures(self) -> Pictures:
        """The model's processor of pictures and sounds."""
        return Pictures(hearing(self.processor, self.model), self.wire.marks.image, self.wire.marks.audio)

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """Ids that end a completion.

        Raises:
            PlannerError: there are none.
        """
        named = getattr(self.model.generation_config, "eos_token_id", None)
        ids = named if isinstance(named, list) else [named]
        closing = self.spelling.special(self.wire.marks.assistant[1].lstrip())[:1]
        closing += self.spelling.special(self.wire.form.waits)
        found = [*ids, self.processor.tokenizer.eos_token_id, *(number for _, number in closing)]
        known = tuple(dict.fromkeys(number for number in found if number is not None))
        if not known:
            mend = "the tokenizer that came with the weights: tokenizer.save_pretrained(FOLDER)"
            raise PlannerError(
                "the model's vocabulary has no token that ends a turn", expected="an eos_token", mend=mend
            )
        return known

    @cached_property
    def telling(self) -> ForeignRenderer:
        """Messages and tools as this model's token ids."""
        return ForeignRenderer(self.wire, self.spelling, self.pictures, self.ends)

    @cached_property
    def exactness(self) -> Exactness:
        """Whether its cache gives what the whole gives, its weights packed where that is as exact; measured once."""
        return measure(self.model, self.pictures, self.spelling, LEAST if self.packs else None)

    @property
    def batching(self) -> Batch:
        """Where the steps of all episodes meet."""
        with self._lock:  # of two threads that ask first, both must get the same
            return self._batching

    @cached_property
    def _batching(self) -> Batch:
        return Batch(self.engine, self.cache_bytes, self.at_once)

    @cached_property
    def engine(self) -> ForeignModel:
        """What completes prompts; by itself it completes one at a time."""
        sessions = Sessions(self.cache_bytes, ForeignSession) if self.keep_sessions else None
        measured = self.exactness
        if not measured.exact:
            log.warning("%s runs without a cache, each token costs a whole pass: %s", self.planner_name, measured.why)
        features = Features(self.model, self.pictures) if measured.features and self.keep_sessions else None
        return ForeignModel(
            self.model.eval(),
            self.pictures,
            self.ends,
            sessions,
            measured.exact,
            features,
            together=measured.together and not self.separate,
            words=measured.words and not self.separate,
            ahead=self.ahead and (measured.ahead or not measured.exact),
            copies=measured.packed > 0 or self.model.device.type != "cpu",
        )

    @cached_property
    def _constraints(self) -> Constraints:
        tokenizer: Any = self.processor.tokenizer
        waits = [number for _, number in self.spelling.special(self.wire.form.waits)]
        ends = [end for end in self.ends if end not in waits]
        head = self.model.get_output_embeddings()
        rows = getattr(head, "out_features", None) or head.weight.shape[0]
        return Constraints(matcher_tokenizer(tokenizer, ends), rows, tokenizer.convert_ids_to_tokens)

    @property
    def context(self) -> int | None:
        """Most tokens of a conversation; None where the model names no limit."""
        return getattr(self.model.config.get_text_config(), "max_position_embeddings", None)

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """This planner with tools to call: ours, LangChain's, or specifications."""
        return self.bind(tools=_described(tools), **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        tools: Sequence[Any] = (),
        media: dict[str, Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> ChatResult:
        """One step: render, complete, parse, report.

        Args:
            messages: the conversation; media are blocks `{"type": "image", "file_id": "image_1"}`.
            stop: not supported by a grammar-bound planner; must be empty.
            run_manager: LangChain's.
            tools: specifications of what may be called.
            media: handle to record.
            seed: of the draws; the step's own seed is derived from it and the prompt's length.
            kwargs: ignored.

        Raises:
            PlannerError: `stop` was given, or the conversation is longer than the model's context.
        """
        request = self._request(messages, stop, tools, media, seed)
        done = self.batching.complete(request)
        return self._said(messages, _described(tools), request.prompt, done, run_manager)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        tools: Sequence[Any] = (),
        media: dict[str, Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> ChatResult:
        """`_generate` for event loops: nothing but the rendering takes a thread."""
        request = await run_in_executor(None, self._request, messages, stop, tools, media, seed)
        batching = await run_in_executor(None, lambda: self.batching)  # the first time it measures the model
        done = await batching.acomplete(request)
        manager = run_manager.get_sync() if run_manager is not None else None
        return await run_in_executor(None, self._said, messages, _described(tools), request.prompt, done, manager)

    def _request(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        tools: Sequence[Any],
        media: dict[str, Any] | None,
        seed: int,
    ) -> Request:
        """A step's request; the arguments are those of `_generate`, which says what is raised."""
        if stop:
            raise PlannerError("stop words are not supported", got=stop, expected="none")
        records, specs = media or {}, _described(tools)
        load = self._loader(records)
        with self._lock:  # another maker's processor and tokenizer are asked by one thread at a time
            told = self._told(messages, specs, records, load)
            constraint = self._constraint(specs, records, self.wire.made(messages))
        return Request(told, load, constraint, self._sampling(told, seed), step_deadline())

    def _said(
        self,
        messages: list[BaseMessage],
        specs: Sequence[Any],
        told: Told,
        done: Completion,
        run_manager: CallbackManagerForLLMRun | None,
    ) -> ChatResult:
        """The message of a completion; the step is reported."""
        message = with_own_ids(self._message(done, specs), messages)
        seen = [placed.sha for placed in told.images if placed.start >= told.written]
        report_step(told.ids[told.written :], seen, done, run_manager)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _told(self, messages: Sequence[Any], specs: Sequence[Any], records: dict[str, Any], load: Load) -> Told:
        """The prompt, where it leaves room for what is to come."""
        told = self.telling.render(messages, specs, records, load, generate=True)
        told.shown = "blind " if self.blind else ""
        context = self.context
        if context is not None and len(told.ids) > context - self.max_tokens:
            raise self._too_long(told, specs, context)
        return told

    def _too_long(self, told: Told, specs: Sequence[Any], context: int) -> PlannerError:
        """The error of a prompt that leaves no room; what tools take is measured beside a question of one letter."""
        ask, load = [HumanMessage("?")], lambda sha: None
        short = [len(self.telling.render(ask, given, {}, load).ids) for given in (specs, ())]
        media = sum(len(placed.picture.ids) for placed in told.images)
        tokens = {"tools": max(0, short[0] - short[1]), "media": media}
        tokens["words"] = len(told.ids) - sum(tokens.values())
        return too_long(tokens, len(specs), len(told.images), context, self.max_tokens)

    def _constraint(self, specs: Sequence[Any], records: dict[str, Any], made: int = 0) -> Constraint | None:
        if not self.constrained:
            return None
        syntax = syntax_of(self.wire.form, self.spelling, thinks=self.wire.thinks, made=made)
        return self._constraints.of(cached_grammar(json.dumps(list(specs)), tuple(records), False, syntax))

    def _sampling(self, told: Told, seed: int) -> Sampling:
        return Sampling(self.temperature, self.max_tokens, seed * 1_000_003 + len(told.ids))

    def _loader(self, records: dict[str, Any]) -> Callable[[str], Any]:
        """Brings a picture or a sound by its hash."""
        stored = stored_media(records)
        return lambda sha: self.pictures.shown(stored(sha), blank=self.blind)

    def read(self, ids: Sequence[int], specs: Sequence[Any] = ()) -> ReadCalls:
        """What a completion says: its calls, the text beside them, what cannot be read.

        Args:
            ids: the completion; what ends it says nothing.
            specs: the tools, with `schema` (OpenAI's form).
        """
        wrote = ids[:-1] if ids and ids[-1] in self.ends else ids
        text = self.processor.tokenizer.decode(list(wrote), skip_special_tokens=False)
        text = text.rstrip().removesuffix(self.telling.plain_ending) if self.telling.plain_ending else text
        schemas = {spec["name"]: spec["schema"]["function"].get("parameters", {}) for spec in specs}
        return self.wire.form.read(f"<think>{text}" if self.wire.thinks else text, schemas)

    def _message(self, done: Completion, specs: Sequence[Any]) -> AIMessage:
        """The completion as a LangChain message; what cannot be parsed stays readable as invalid calls."""
        read = self.read(done.ids, specs)
        calls = [
            {"name": name, "args": arguments, "id": f"call_{index}", "type": "tool_call"}
            for index, (name, arguments) in enumerate(read.calls)
        ]
        expected = f"not {self.wire.form.written([('NAME', {'ARGUMENT': 'VALUE'})])}, nor an answer"
        bad = [
            {"name": None, "args": piece, "id": f"bad_{index}", "error": expected, "type": "invalid_tool_call"}
            for index, piece in enumerate(read.malformed)
        ]
        content = " ".join(filter(None, split_thought(read.said))) if calls or bad else read.said
        return AIMessage(content, tool_calls=calls, invalid_tool_calls=bad, **metadata_of(done))


def _described(tools: Sequence[Any]) -> list[dict[str, Any]]:
    """Specifications with the tools' schemas in OpenAI's form."""
    return [tool if isinstance(tool, dict) and "schema" in tool else _spec(tool) for tool in tools]


def _spec(tool: Any) -> dict[str, Any]:
    return {**spec_of(tool), "schema": schema_of(tool)}
