"""`ChatMM`: a local multimodal model as a LangChain chat model that calls tools under their grammar.

Each step renders the messages (always by the one renderer), feeds what is new, and reports itself by one event.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, run_in_executor
from pydantic import ConfigDict, Field, PrivateAttr

from agentmm.errors import MissingExtra, PlannerError, UnknownPlanner
from agentmm.planner.batching import PLACES, Batch
from agentmm.planner.completion import parse_completion
from agentmm.planner.constrain import Constraints, cached_grammar, matcher_tokenizer
from agentmm.planner.local import LocalModel, Prompt
from agentmm.planner.render import Rendered, Renderer
from agentmm.planner.reporting import metadata_of, report_step, step_deadline, stored_media
from agentmm.planner.sequence import Request
from agentmm.planner.session import DEFAULT_BYTES, Sessions
from agentmm.planner.specs import specs_of
from agentmm.planner.writing import Completion, Sampling
from agentmm.state import with_own_ids

_FORM = 'not {"name": ..., "arguments": {...}} between <tool_call> and </tool_call>, nor an answer'


class _Asked(NamedTuple):
    """A step: its prompt, how many of its ids earlier steps had, what the model is asked."""

    rendered: Rendered
    new: int
    request: Request


NANO = Path(__file__).parent.parent / "weights" / "nano"
"""Where the shipped planner's weights lie."""


class ChatMM(BaseChatModel):
    """A `MultimodalLM` with its processor, as a chat model.

    Attributes:
        model: the model.
        processor: its processor; tokenizer and image size are its own.
        planner_name: how traces call it.
        weights_id: identity of the weights, for traces.
        temperature: 0 takes the likeliest legal token.
        max_tokens: most tokens of one step.
        constrained: whether calls must keep to the tools' grammar.
        think: whether a `<think>` block comes first: True wherever the model gives it a chance of 5 % at least, False
            for never, None as the model likes.
        blind: whether a grey picture stands in for every picture (for measurement); tools still see.
        keep_sessions: whether sessions are kept from step to step.
        cache_bytes: bytes that sessions and what is being written may hold together.
        at_once: most steps, of as many episodes, that are written at once.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: Any = Field(exclude=True, repr=False)
    processor: Any = Field(exclude=True, repr=False)
    planner_name: str = "local"
    weights_id: str | None = None
    temperature: float = 0.0
    max_tokens: int = 256
    constrained: bool = True
    think: bool | None = None
    blind: bool = False
    keep_sessions: bool = True
    cache_bytes: int = DEFAULT_BYTES
    at_once: int = PLACES
    takes_media: bool = True
    takes_examples: bool = True
    _lock: Any = PrivateAttr(default_factory=threading.RLock)

    @property
    def _llm_type(self) -> str:
        return "agentmm"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"planner": self.planner_name, "weights": self.weights_id, "temperature": self.temperature}

    @cached_property
    def renderer(self) -> Renderer:
        """The one renderer, on this model's tokenizer."""
        return Renderer(self.processor.tokenizer, self.processor.image_tokens, self.model.config.respells)

    @property
    def batching(self) -> Batch:
        """Where the steps of all episodes meet."""
        with self._lock:  # of two threads that ask first, both must get the same
            return self._batching

    @cached_property
    def _batching(self) -> Batch:
        return Batch(self.local, self.cache_bytes, self.at_once)

    @cached_property
    def local(self) -> LocalModel:
        """The engine that completes prompts; by itself it completes one at a time."""
        tokenizer = self.processor.tokenizer
        return LocalModel(
            self.model.eval(),
            image_size=self.model.config.image_size,
            image_tokens=self.processor.image_tokens,
            end_id=tokenizer.convert_tokens_to_ids("<|end|>"),
            sessions=Sessions(self.cache_bytes) if self.keep_sessions else None,
        )

    @cached_property
    def _constraints(self) -> Constraints:
        tokenizer: Any = self.processor.tokenizer
        rows = self.model.config.text_config.vocab_size
        return Constraints(matcher_tokenizer(tokenizer), rows, tokenizer.convert_ids_to_tokens)

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """This planner with tools to call: ours, LangChain's, or specifications."""
        return self.bind(tools=specs_of(tools), **kwargs)

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
            PlannerError: `stop` was given, or the prompt is longer than the model's positions.
        """
        asked = self._asked(messages, stop, tools, media, seed)
        return self._said(messages, asked, self.batching.complete(asked.request), run_manager)

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
        asked = await run_in_executor(None, self._asked, messages, stop, tools, media, seed)
        done = await self.batching.acomplete(asked.request)
        manager = run_manager.get_sync() if run_manager is not None else None
        return await run_in_executor(None, self._said, messages, asked, done, manager)

    def _asked(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        tools: Sequence[Any],
        media: dict[str, Any] | None,
        seed: int,
    ) -> _Asked:
        """A step's request; the arguments are those of `_generate`, which says what is raised."""
        if stop:
            raise PlannerError("stop words are not supported", got=stop, expected="none")
        records, specs = media or {}, specs_of(tools)
        with self._lock:
            rendered, new = self._render(messages, specs, records)
        return _Asked(rendered, new, self._request(rendered, specs, records, seed))

    def _said(
        self, messages: list[BaseMessage], asked: _Asked, done: Completion, run_manager: CallbackManagerForLLMRun | None
    ) -> ChatResult:
        """The message of a completion; the step is reported."""
        message = with_own_ids(self._message(done, messages), messages)
        seen = [slot.sha for slot in asked.rendered.media if slot.position >= asked.new]
        report_step(asked.rendered.ids[asked.new :], seen, done, run_manager)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _render(
        self, messages: list[BaseMessage], specs: list[dict[str, Any]], records: dict[str, Any]
    ) -> tuple[Rendered, int]:
        """The prompt, and how many of its ids earlier steps did not have."""
        signatures = [spec["signature"] for spec in specs]
        rendered = self.renderer.render(messages, signatures, records, generate=True)
        limit = self.model.config.text_config.max_position_embeddings - self.max_tokens
        if len(rendered.ids) > limit:
            raise PlannerError(
                "the conversation is too long for the planner",
                got=len(rendered.ids),
                expected=f"at most {limit} tokens",
            )
        own = (i for i, message in enumerate(messages) if isinstance(message, AIMessage) and not _shown(message))
        last = max(own, default=None)
        before = 0 if last is None else len(self.renderer.render(messages[: last + 1], signatures, records).ids)
        return rendered, before

    def _request(self, rendered: Rendered, specs: list[dict[str, Any]], records: dict[str, Any], seed: int) -> Request:
        constraint = None
        if self.constrained:
            lark = cached_grammar(json.dumps(specs), tuple(records), None if self.think else self.think)
            constraint = self._constraints.of(lark)
        first = self.renderer.token_id("<think>") if self.think else None
        sampling = Sampling(self.temperature, self.max_tokens, seed * 1_000_003 + len(rendered.ids), first)
        images = [(slot.position, slot.sha) for slot in rendered.media if slot.handle.startswith("image_")]
        load = self._loader(records, {sha for _, sha in images})
        return Request(Prompt(rendered.ids, images), load, constraint, sampling, step_deadline())

    def _loader(self, records: dict[str, Any], shas: Collection[str] = ()) -> Callable[[str], Any]:
        """Brings an image's pixels by its hash; what no session knows is made ready now.

        Whoever asks does so in a thread of its own: the one thread that moves all sequences would do it for each.
        """
        from agentmm.model.pixels import square_pixels

        stored = stored_media(records)
        grey = np.full((8, 8, 3), 128, np.uint8)

        def load(sha: str) -> Any:
            """As it is stored."""
            return grey if self.blind else stored(sha).pixels

        with self._lock:  # of two threads that ask first, both must get the same
            sessions, side = self.local.sessions, self.model.config.image_size
        unknown = [sha for sha in shas if sessions is None or not sessions.shows(sha)]
        ready = {sha: square_pixels(load(sha), side) for sha in unknown}
        return lambda sha: ready[sha] if sha in ready else load(sha)

    def _message(self, done: Completion, messages: list[BaseMessage]) -> AIMessage:
        """The completion as a LangChain message; what cannot be parsed stays readable as invalid calls."""
        fields = said(self.processor.tokenizer.decode(done.ids, skip_special_tokens=False))
        if not (fields["tool_calls"] or fields["invalid_tool_calls"]):
            fields["content"] = self.renderer.printed(messages, fields["content"])
        return AIMessage(**fields, **metadata_of(done))


def _shown(message: BaseMessage) -> bool:
    """Whether a message is part of a demonstration."""
    return bool(message.additional_kwargs.get("example"))


def said(text: str) -> dict[str, Any]:
    """The fields of an `AIMessage` for what the planner wrote; what cannot be read becomes invalid calls."""
    parsed = parse_completion(text)
    calls = [
        {"name": call.tool, "args": call.arguments, "id": f"call_{index}", "type": "tool_call"}
        for index, call in enumerate(parsed.calls)
    ]
    bad = [
        {"name": None, "args": piece, "id": f"bad_{index}", "error": _FORM, "type": "invalid_tool_call"}
        for index, piece in enumerate(parsed.malformed)
    ]
    content = parsed.think
    if not (calls or bad):
        content = f"<think>{parsed.think}</think>{parsed.answer}" if parsed.think else parsed.answer
    return {"content": content, "tool_calls": calls, "invalid_tool_calls": bad}


def load_local(name: str = "nano", **options: Any) -> ChatMM:
    """A local planner by name.

    Args:
        name: `nano` for the weights that ship with the package, or `hf:FOLDER` for a saved `MultimodalLM`.
        **options: fields of `ChatMM`, for example `temperature=0.7`; `device` names a torch device, `dtype` a torch
            dtype other than float32 (half precision is for a GPU).

    Raises:
        MissingExtra: torch or transformers is not installed.
        UnknownPlanner: there are no such weights, or the name has settings, which other makers' models take.
        PlannerError: they, or what lies beside them, cannot be read, or lack a tensor.
    """
    place, asks, _ = name.removeprefix("hf:").partition("?")
    if asks:
        raise UnknownPlanner("a model of ours takes no settings in its name", got=name, expected=f"hf:{place}")
    folder = NANO if name == "nano" else Path(place)
    if not (folder / "config.json").is_file():
        mend = "agentmm train nano" if name == "nano" else "hf:FOLDER with a saved MultimodalLM"
        raise UnknownPlanner("no planner weights there", got=str(folder), mend=mend)
    try:
        import torch
        from transformers.utils.logging import disable_progress_bar

        from agentmm.model.identity import weights_id
        from agentmm.planner.own import own_model, own_processor
    except ImportError as error:
        raise MissingExtra(error.name or "torch", "local") from error
    disable_progress_bar()
    device = str(options.pop("device", None) or ("cuda" if torch.cuda.is_available() else "cpu"))
    model: Any = own_model(folder, options.pop("dtype", None))
    model.to(device)
    if device.startswith("cuda"):
        torch.backends.cudnn.allow_tf32 = False  # else convolutions round what is in float32
    processor = own_processor(folder)
    options.setdefault("weights_id", weights_id(folder))
    return ChatMM(model=model, processor=processor, planner_name=name, **options)
