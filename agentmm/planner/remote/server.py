"""The client of a server that speaks OpenAI's protocol: LangChain's, which keeps also what vLLM says of tokens."""

from __future__ import annotations

from typing import Any

import openai
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai.chat_models.base import BaseChatOpenAI

from agentmm.planner.remote.gate import seconds_left

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


def server_chat(model: str, url: str, key: str, **options: Any) -> ServerChat:
    """The client of one model on one server.

    No connection outlives its request, so that a planner may be asked in one event loop after another, and none is
    led elsewhere: a conversation goes to the address that was named, never to one that the server names.

    Args:
        model: as the server calls it.
        url: where its protocol begins, such as `http://host:8000/v1`.
        key: what requests are signed with.
        **options: further fields of LangChain's `BaseChatOpenAI`.
    """
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(max_connections=1000, max_keepalive_connections=0)
    habits: dict[str, Any] = {"limits": limits, "follow_redirects": False}
    clients = {
        "http_client": _Client(**habits),
        "http_async_client": openai.DefaultAsyncHttpxClient(**habits),
    }
    given: dict[str, Any] = {"api_key": key, "base_url": url, "stream_usage": True, **clients, **options}
    return ServerChat(model=model, **given)


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
        """As LangChain reads a reply, plus its token ids."""
        result = super()._create_chat_result(response, generation_info)
        told = response if isinstance(response, dict) else response.model_dump(warnings=False)
        for generation, choice in zip(result.generations, told.get("choices") or [], strict=False):
            generation.message.response_metadata |= _ids(told, choice)
        return result

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        """As LangChain reads a part of a stream, plus its token ids; merging the parts joins the lists."""
        read = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        choices = chunk.get("choices") or []
        if read is not None and choices:
            read.message.response_metadata |= _ids(chunk, choices[0])
        return read


def _ids(reply: dict[str, Any], choice: dict[str, Any]) -> dict[str, Any]:
    """Token ids of a reply or of a part of one; in streams the prompt's come with the first part."""
    told = {"prompt_token_ids": reply.get("prompt_token_ids"), "token_ids": choice.get("token_ids")}
    return {name: ids for name, ids in told.items() if ids}
