"""Servers that keep media by uuid, as vLLM does: data and a `uuid` once, from then on the `uuid` alone.

https://docs.vllm.ai/en/stable/features/multimodal_inputs (cached inputs). Older versions, and servers that know nothing
of it, skip a part without data and answer as if there were no picture; so a server is shown an unknown uuid first, and
must refuse it as one that it has not.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import openai

from agentmm.planner.remote.gate import Gate
from agentmm.planner.remote.showing import Picture
from agentmm.planner.remote.travelling import PATIENCE_S, Journey, OnceEach, OnceJourney

ASK_S = 20.0
"""How long a server may take to say what it is, and what it does with an unknown uuid, seconds."""

_KEEPERS = ("vllm",)
"""Makers (`owned_by` of a server's models) whose servers keep media by uuid."""

_TELLING = ("cache", "uuid")
"""What a refusal of an unknown uuid speaks of, in small letters."""

_FINDING = ""
"""In place of a name: the step that finds out what the server does."""

_UNSURE = (401, 403, 429, 502, 503, 504)
"""Statuses that say nothing of uuids: the same may be asked again."""

_MOST_TRIES = 3


class ByUuid(OnceEach):
    """Pictures go once to a server that keeps them by uuid, and with each request to any other.

    Args:
        chat: the server's client.
        gate: what its requests pass.
        ask: whether the server is asked first who it is (`GET /models`), and shown a uuid only where it is vLLM.
        patience_s: as in `OnceEach`.
    """

    def __init__(self, chat: Any, gate: Gate, *, ask: bool = True, patience_s: float = PATIENCE_S) -> None:
        super().__init__(patience_s)
        self._chat, self._gate, self._ask = chat, gate, ask
        self.keeps = False
        """Whether the server was found to tell known uuids from unknown ones."""
        self._tries = 0

    def journey(self, pictures: Sequence[Picture]) -> Journey:
        """The way of the pictures of one step."""
        return _UuidJourney(self, pictures)

    def lacks(self, names: Sequence[str]) -> list[str]:
        """As everywhere, and what the server does as long as that is not known."""
        return [*super().lacks(names), *(() if self.keeps else (_FINDING,))]

    def find_out(self) -> None:
        """Ask the server what it is and does; where it does not keep media, all travel with each request."""
        self._tries += 1
        try:
            with self._gate.passed():
                why = self._why_not()
        except (openai.OpenAIError, TimeoutError, ValueError) as error:  # the step itself will say what is wrong
            if self._tries >= _MOST_TRIES:
                self.stop(f"it could not be found out whether the server keeps them ({type(error).__name__})")
            return
        if why:
            self.stop(why)
        else:
            self.keeps = True

    def examined(self, picture: Picture) -> tuple[bool, str]:
        """Find out, then send a picture with its uuid, then the uuid alone."""
        if not self.keeps and not self.off:
            self.find_out()
        if self.keeps and not self.off:
            uuid = self.name(picture)
            try:
                self._post([{**data_part(picture), "uuid": uuid}])
                self._post([_bare(uuid)])
            except openai.OpenAIError as error:
                self.stop(f"it keeps them by uuid, but not this one: {type(error).__name__}")
        if self.off or not self.keeps:
            return False, self.off or "the server did not say whether it keeps them"
        return True, "the server keeps them by uuid"

    def _why_not(self) -> str:
        """Why pictures cannot travel once; empty where they can.

        Raises:
            OpenAIError: the server did not say.
        """
        if self._ask:
            try:
                told = self._client().get("/models", cast_to=object)
            except openai.APIStatusError as error:
                told = None
                if error.status_code in _UNSURE:
                    raise
            if not _owners(told) & set(_KEEPERS):
                return "the server does not say that it is vLLM"
        try:
            self._post([_bare(secrets.token_hex(16))])
        except openai.APIStatusError as error:
            if error.status_code in _UNSURE:
                raise
            told = str(error.body or error).lower()
            return "" if any(word in told for word in _TELLING) else "the server refuses uuids without data"
        return "the server skips a picture that it has not"

    def _post(self, parts: list[dict[str, Any]]) -> None:
        """One request for one token."""
        message = {"role": "user", "content": [*parts, {"type": "text", "text": "?"}]}
        body = {"model": self._chat.model_name, "messages": [message], "max_tokens": 1}
        self._client().post("/chat/completions", body=body, cast_to=object)

    def _client(self) -> Any:
        return self._chat.root_client.with_options(max_retries=0, timeout=ASK_S)


class _UuidJourney(OnceJourney):
    """A step with uuids."""

    travel: ByUuid

    def prepare(self) -> None:
        """Find out what the server does, if this step is the first that needs to know; others need not wait longer."""
        if self.works:
            with self.claim(_FINDING) as mine:
                if mine:
                    self.travel.find_out()

    def block(self, picture: Picture) -> dict[str, Any]:
        """The uuid alone, data with it, or data alone where the server is not known to keep media."""
        if self.plain or not self.travel.keeps:
            return picture.as_data()
        uuid = self.travel.name(picture)
        self.named.add(uuid)
        return _bare(uuid) if uuid in self.had else {**data_part(picture), "uuid": uuid}

    def arrived(self) -> None:
        """The server has the pictures now that came with their uuids."""
        for uuid in self.named:
            self.travel.keep(uuid, uuid)
        super().arrived()

    def _has_work(self) -> bool:
        return _FINDING in self.mine


def data_part(picture: Picture) -> dict[str, Any]:
    """A picture as OpenAI's protocol has it, in a data URI."""
    block = picture.as_data()
    return {"type": "image_url", "image_url": {"url": f"data:{block['mime_type']};base64,{block['base64']}"}}


def _bare(uuid: str) -> dict[str, Any]:
    """A picture that the server has."""
    return {"type": "image_url", "image_url": None, "uuid": uuid}


def _owners(told: Any) -> set[str]:
    """Who made the models of a server's list."""
    listed = told.get("data") if isinstance(told, dict) else None
    entries = listed if isinstance(listed, list) else []
    return {str(entry.get("owned_by")).lower() for entry in entries if isinstance(entry, dict)}
