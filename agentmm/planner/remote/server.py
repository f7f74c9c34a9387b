"""The client of a server that speaks OpenAI's protocol: LangChain's, which keeps also what vLLM says of tokens.

Calls are kept as they came (`calls.CALLED`), for `calls.heard` to read, as are refusals; a reply of another form is an
`OddReply`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import openai
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai.chat_models.base import BaseChatOpenAI

from agentmm.planner.remote.calls import CALLED
from agentmm.planner.remote.failures import (
    BrokeOff,
    NoParts,
    ServerError,
    Unheard,
    connection_broke,
    fell_silent,
    odd_reply,
)
from agentmm.planner.remote.gate import seconds_left
from agentmm.planner.remote.refusals import REFUSAL
from agentmm.planner.remote.silence import GAP_S, asteady, steady

CONNECT_S = 5.0
"""How long a server may take to accept a connection, seconds."""


class _Client(openai.DefaultHttpxClient):
    """Sends nothing once the run is over: tries that fail are repeated in a thread that the run has left behind."""

    def send(self, request: Any, **kwargs: Any) -> Any:
        """As the client does.

        Raises:
            OpenAIError: the run's time is over; the openai client passes these on at once.
        """
        left = seconds_left()
        if left is not None and left <= 0:
            raise openai.OpenAIError("the run's time is over")
        return super().send(request, **kwargs)


def server_chat(model: str, url: str, key: str, gap_s: float = GAP_S, **options: Any) -> ServerChat:
    """The client of one model on one server.

    No connection outlives its request, so that a planner may be asked in one event loop after another, and none is
    led elsewhere: a conversation goes to the address that was named, never to one that the server names.

    Args:
        model: as the server calls it.
        url: where its protocol begins, such as `http://host:8000/v1`.
        key: what requests are signed with.
        gap_s: most seconds between two parts of a reply that streams.
        **options: further fields of LangChain's `BaseChatOpenAI`.
    """
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(max_connections=1000, max_keepalive_connections=0)
    habits: dict[str, Any] = {"limits": limits, "follow_redirects": False}
    clients = {
        "http_client": _Client(**habits),
        "http_async_client": openai.DefaultAsyncHttpxClient(**habits),
    }
    given: dict[str, Any] = {"api_key": key, "base_url": url, "stream_usage": True, **clients, **options}
    if "stream_chunk_timeout" in ServerChat.model_fields:  # LangChain's own, for event loops alone
        given.setdefault("stream_chunk_timeout", None)
    chat = ServerChat(model=model, **given)
    chat.client, chat.async_client = _Completions(chat.client, gap_s), _AsyncCompletions(chat.async_client, gap_s)
    return chat


class _Completions:
    """The openai client's way to ask, whose streams give plain dicts.

    The client's own parts are of its classes, which warn of every field that has another form than it knows.
    """

    def __init__(self, inner: Any, gap_s: float) -> None:
        self._inner, self._gap_s = inner, gap_s

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create(self, **asked: Any) -> Any:
        """A reply; of a stream its parts."""
        reply = self._inner.create(**asked)
        return _Parts(reply, self._gap_s) if asked.get("stream") else reply


class _AsyncCompletions(_Completions):
    """`_Completions` for event loops."""

    async def create(self, **asked: Any) -> Any:
        reply = await self._inner.create(**asked)
        return _AsyncParts(reply, self._gap_s) if asked.get("stream") else reply


class _Parts:
    """The parts of a stream as dicts.

    Raises:
        ServerError: while it is read: an error came in place of it.
        OddReply: likewise: a part is no object.
        Stalled: likewise: no further part comes.
        BrokeOff: likewise: the connection breaks; `Unheard` where nothing has come, for silence as well.
    """

    def __init__(self, stream: Any, gap_s: float) -> None:
        self._stream, self._gap_s = stream, gap_s

    def __enter__(self) -> _Parts:
        self._stream.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stream.__exit__(*error)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        part = None
        try:
            if _whole(self._stream.response):
                raise _instead(self._stream.response.read())
            for part in steady(iter(self._stream), self._stream.response, self._gap_s):
                yield _plain(part)
        except Exception as error:
            _tell_break(error, part)
            raise
        if part is None:
            raise NoParts


class _AsyncParts:
    """`_Parts` for event loops."""

    def __init__(self, stream: Any, gap_s: float) -> None:
        self._stream, self._gap_s = stream, gap_s

    async def __aenter__(self) -> _AsyncParts:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._stream.__aexit__(*error)

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        part = None
        try:
            if _whole(self._stream.response):
                raise _instead(await self._stream.response.aread())
            async for part in asteady(aiter(self._stream), self._gap_s):
                yield _plain(part)
        except Exception as error:
            _tell_break(error, part)
            raise
        if part is None:
            raise NoParts


class ServerChat(BaseChatOpenAI):
    """`ChatOpenAI` for other makers' servers: no parameters that OpenAI alone knows, and token ids are kept.

    The reply's metadata gets `prompt_token_ids` and `token_ids` where the server gives them.
    """

    @property
    def _llm_type(self) -> str:
        return "agentmm-server"

    def _get_request_payload(self, input_: Any, *, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        """A request; of its time little is for the connection."""
        payload = super()._get_request_payload(input_, stop=stop, **kwargs)
        seconds = payload.get("timeout")
        if isinstance(seconds, int | float):
            payload["timeout"] = openai.Timeout(seconds, connect=min(seconds, CONNECT_S))
        return payload

    def _create_chat_result(self, response: Any, generation_info: dict[str, Any] | None = None) -> ChatResult:
        """As LangChain reads a reply, plus its token ids and its calls as they came.

        Raises:
            ServerError: it is an error.
            OddReply: it is no reply.
        """
        told = _plain(response)
        if told.get("error"):
            raise ServerError(told["error"])
        if not told.get("choices"):
            raise odd_reply("a reply with choices was expected", told)
        told, called = _parted(told, "message")
        result = super()._create_chat_result(told, generation_info)
        for generation, choice in zip(result.generations, told["choices"], strict=True):
            generation.message.response_metadata |= _ids(told, choice) | called
        return result

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        """As LangChain reads a part of a stream, plus its token ids and calls; merging the parts joins the lists.

        Raises:
            OddReply: it is no part of a reply.
        """
        chunk, called = _parted(chunk, "delta")
        read = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        if read is not None and chunk["choices"]:
            read.message.response_metadata |= _ids(chunk, chunk["choices"][0]) | called
        return read


def _whole(response: Any) -> bool:
    """Whether something else came in place of a stream."""
    kind = response.headers.get("content-type", "")
    return kind.startswith(("application/json", "text/html"))


def _tell_break(error: Exception, part: Any) -> None:
    """Raise what tells of a broken connection, or of silence before the first part, as what it is in a reply.

    Clients tell no difference, and try neither again once the headers are there.
    """
    if part is None and (connection_broke(error) or fell_silent(error)):
        raise Unheard from error
    if connection_broke(error):
        raise BrokeOff from error


def _instead(body: bytes) -> Exception:
    """The error of what came in place of a stream."""
    text = body.decode("utf-8", "replace")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = text
    if isinstance(told, dict) and told.get("error"):
        return ServerError(told["error"])
    return odd_reply("a stream of parts was expected", told)


def _plain(reply: Any) -> dict[str, Any]:
    """A reply, or a part of one, as a dict.

    Raises:
        OddReply: it is none.
    """
    dump = getattr(reply, "model_dump", None)
    plain = reply if dump is None else dump(warnings=False, exclude_unset=True)
    if not isinstance(plain, dict):
        raise odd_reply("a JSON object was expected", plain)
    return plain


def _parted(told: Mapping[str, Any], inside: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A reply of one choice without its calls, and metadata that holds them, and a refusal, as they came.

    Args:
        told: the reply, or a part of a stream.
        inside: where the message is: `message`, in a part `delta`.

    Raises:
        OddReply: it holds no message, or one whose content is neither text nor a list.
    """
    choices = told.get("choices") or []
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices[:1]):
        raise odd_reply("a reply with choices was expected", dict(told))
    usage = told.get("usage")
    bare = {**told, "choices": [], "usage": _counted(usage) if isinstance(usage, Mapping) else None}
    if not choices:
        return bare, {}
    message = choices[0].get(inside)
    if message is None and inside == "delta":
        message = {}
    if not isinstance(message, dict) or not isinstance(message.get("content"), str | list | None):
        raise odd_reply("a message was expected", choices[0])
    calls = message.get("tool_calls") or []
    called = {CALLED: [{"call": call} for call in (calls if isinstance(calls, list) else [calls])]} if calls else {}
    refusal = message.get("refusal")
    called |= {REFUSAL: refusal} if isinstance(refusal, str) and refusal else {}
    message = {**message, "role": "assistant", "tool_calls": None}
    return {**bare, "choices": [{**choices[0], inside: message}]}, called


def _counted(usage: Mapping[str, Any]) -> dict[str, Any] | None:
    """What of a server's bookkeeping can be counted: whole numbers from 0 on, and mappings of such."""
    good: dict[str, Any] = {}
    for name, value in usage.items():
        if isinstance(value, Mapping):
            value = {part: count for part, count in value.items() if type(count) is int and count >= 0}
        if isinstance(value, Mapping) or (type(value) is int and value >= 0):
            good[name] = value
    return good if any(type(value) is int for value in good.values()) else None


def _ids(reply: dict[str, Any], choice: dict[str, Any]) -> dict[str, Any]:
    """Token ids of a reply or of a part of one; in streams the prompt's come with the first part."""
    told = {"prompt_token_ids": reply.get("prompt_token_ids"), "token_ids": choice.get("token_ids")}
    return {name: ids for name, ids in told.items() if ids}
