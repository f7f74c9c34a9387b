"""Chat models of other makers as planners: handles in messages become pictures and sound, tools become JSON schemas.

A tool message that shows a medium is followed by a user message that holds it, since providers differ on pictures in
tool results.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.runnables.config import ensure_config

from agentmm.errors import MissingExtra, UnknownPlanner
from agentmm.media import Audio, Image, MediaStore, Record, Video, default_home
from agentmm.planner.instructions import INSTRUCTIONS
from agentmm.planner.specs import schema_of

MAX_SIDE_PX = 1024
"""Longest side of a picture that is sent."""


class RemotePlanner(BaseChatModel):
    """A LangChain chat model that sees the run's media.

    Attributes:
        model: the chat model, or one with tools bound.
        instructions: the system message.
        max_side_px: longest side of a picture that is sent.
    """

    takes_media: ClassVar[bool] = True
    takes_examples: ClassVar[bool] = True

    model: Any
    instructions: str = INSTRUCTIONS
    max_side_px: int = MAX_SIDE_PX

    @property
    def planner_name(self) -> str:
        """How traces call it."""
        inner = getattr(self.model, "bound", self.model)
        name = getattr(inner, "model_name", None) or getattr(inner, "model", None)
        return f"{type(inner).__name__}:{name}" if isinstance(name, str) else type(inner).__name__

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
        said = self.model.invoke(self._shown(messages, kwargs), _quiet())
        return ChatResult(generations=[ChatGeneration(message=said)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        said = await self.model.ainvoke(self._shown(messages, kwargs), _quiet())
        return ChatResult(generations=[ChatGeneration(message=said)])

    def _shown(self, messages: list[BaseMessage], kwargs: Mapping[str, Any]) -> list[BaseMessage]:
        """The conversation with media in place of handles."""
        store = MediaStore((ensure_config().get("configurable") or {}).get("agentmm_store") or default_home() / "media")
        show = _Show(kwargs.get("media") or {}, store, self.max_side_px)
        return [SystemMessage(self.instructions), *show.conversation(messages)]


class _Show:
    """Turns handles into what providers take."""

    def __init__(self, records: Mapping[str, Record], store: MediaStore, max_side_px: int) -> None:
        self.records, self.store, self.max_side_px = records, store, max_side_px

    def conversation(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        """All messages; what tools made follows once the results of a step are complete."""
        shown: list[BaseMessage] = []
        made: list[Any] = []
        for message in messages:
            if not isinstance(message, ToolMessage) and made:
                shown.append(HumanMessage(made))
                made = []
            shown.append(self._message(message, made))
        return [*shown, HumanMessage(made)] if made else shown

    def _message(self, message: BaseMessage, made: list[Any]) -> BaseMessage:
        if isinstance(message.content, str) or isinstance(message, AIMessage):
            return message
        blocks = [self._block(block) for block in message.content]
        if not isinstance(message, ToolMessage):
            return message.model_copy(update={"content": [part for parts in blocks for part in parts]})
        made += [part for block, parts in zip(message.content, blocks, strict=True) if _handle(block) for part in parts]
        return message.model_copy(update={"content": message.text})

    def _block(self, block: Any) -> list[Any]:
        """A block as the provider reads it; a medium is preceded by its handle."""
        handle = _handle(block)
        if handle is None:
            return [block]
        medium = self.store.get(block.get("sha") or self.records[handle])
        name = {"type": "text", "text": f"{handle}:"}
        if isinstance(medium, Image):
            return [name, _picture(medium, self.max_side_px)]
        if isinstance(medium, Audio):
            return [{"type": "text", "text": f"{handle}: a clip of {medium.seconds:.1f} s"}]
        if isinstance(medium, Video):
            text = f"{handle}: a video of {medium.seconds:.1f} s, one frame of it:"
            return [{"type": "text", "text": text}, _picture(medium.frame(medium.seconds / 2), self.max_side_px)]
        return [name]


def load_remote(name: str, **options: Any) -> RemotePlanner:
    """A remote planner by name.

    Args:
        name: `openai:MODEL@URL` for a server that speaks OpenAI's protocol, else `provider:model` as LangChain's
            `init_chat_model` knows them.
        **options: for the chat model.

    Raises:
        UnknownPlanner: the name or its address is malformed, or the provider is unknown.
        MissingExtra: the provider's package is not installed.
    """
    provider, _, rest = name.partition(":")
    model, at, url = rest.partition("@")
    if at and urlsplit(url).scheme not in ("http", "https"):
        raise UnknownPlanner("a planner's address is malformed", got=url, expected="openai:MODEL@http://host:port/v1")
    if at:
        options = {"base_url": url, "api_key": os.environ.get("OPENAI_API_KEY", "none"), **options}
    try:
        from langchain.chat_models import init_chat_model

        return RemotePlanner(model=init_chat_model(model, model_provider=provider, **options))
    except ImportError as error:
        raise MissingExtra(getattr(error, "name", None) or f"the LangChain package of {provider}", "remote") from error
    except ValueError as error:
        raise UnknownPlanner(f"no planner of that name: {error}", got=name, mend="agentmm doctor") from error


def _handle(block: Any) -> str | None:
    if not isinstance(block, Mapping) or block.get("type") not in ("image", "audio", "video"):
        return None
    handle = block.get("file_id")
    return handle if isinstance(handle, str) else None


def _picture(image: Image, max_side_px: int) -> dict[str, Any]:
    """A picture as a block of base64."""
    picture = image.to_pil()
    picture.thumbnail((max_side_px, max_side_px))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return {"type": "image", "base64": base64.b64encode(buffer.getvalue()).decode(), "mime_type": "image/png"}


def _schema(tool: Any) -> Any:
    """OpenAI's form of a tool, which every provider's library converts."""
    if not hasattr(tool, "params"):
        return tool
    return schema_of(tool)


def _quiet() -> Any:
    """The config without callbacks: this planner reports the step, the model inside must not report it again."""
    return {**ensure_config(), "callbacks": []}
