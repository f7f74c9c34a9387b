"""Providers that keep files: pictures are uploaded once, and named by the provider's file id from then on.

Uploading leaves data at the provider, so it is done only where it was asked for. A provider is one entry in
`PROVIDERS`, which uses the client that its LangChain package holds.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import math
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentmm.planner.keys import keys_of
from agentmm.planner.remote.failures import one_line, said_by, status_of
from agentmm.planner.remote.showing import Picture
from agentmm.planner.remote.travelling import MISSED, EachRequest, Journey, OnceEach, OnceJourney

KEPT_S = 86_400
"""How long an uploaded file is kept at most, where the provider can be told so: a killed process deletes nothing."""

CLOSING_S = 20.0
"""How long deleting files may take when a planner is closed, seconds."""

UPLOAD_S = 60.0
"""How long an upload may take, until its file can be used, seconds."""

_DELETE_S = 5.0
_GOOGLE_TRIES = 3  # as often as the other two clients try by themselves
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
_FILE = "picture.png"
_PNG = "image/png"


class Unready(Exception):
    """A file that a provider took, and does not let be used."""


@dataclass(frozen=True)
class Provider:
    """How one provider keeps files.

    Attributes:
        upload: its LangChain chat model and a PNG -> the file's id.
        delete: the chat model and a file's id.
        block: a file's id -> what stands in the message.
        habits: options that its chat model needs for this.
        gone: statuses with which it refuses a file that it has not.
    """

    upload: Callable[[Any, bytes], str]
    delete: Callable[[Any, str], Any]
    block: Callable[[str], dict[str, Any]]
    habits: Mapping[str, Any] = field(default_factory=dict)
    gone: frozenset[int] = MISSED


def _openai_upload(chat: Any, png: bytes) -> str:
    files = chat.root_client.with_options(timeout=UPLOAD_S).files
    lasting = {"anchor": "created_at", "seconds": KEPT_S}
    return str(files.create(file=(_FILE, png, _PNG), purpose="vision", expires_after=lasting).id)


def _anthropic_upload(chat: Any, png: bytes) -> str:
    files = chat._client.with_options(timeout=UPLOAD_S).beta.files
    return str(files.upload(file=(_FILE, png, _PNG)).id)


def _google_upload(chat: Any, png: bytes) -> str:
    """The file's address, by which messages name it; its name is the end of that.

    Raises:
        Unready: it is not ready when the time is over, cannot be made so, or files have no place there.
    """
    if chat.client.vertexai:
        raise Unready("Vertex AI has no files, Gemini's own service has")
    files, until = chat.client.files, time.monotonic() + UPLOAD_S
    file = files.upload(file=io.BytesIO(png), config={"mime_type": _PNG, **_google_within(UPLOAD_S, _GOOGLE_TRIES)})
    pause = _FIRST_PAUSE_S
    try:
        while (state := _state(file)) == "PROCESSING" and (left := until - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE_S)
            file = files.get(name=file.name, config=_google_within(max(1.0, left), _GOOGLE_TRIES))
        if state != "ACTIVE" or not file.uri:
            raise Unready(f"a file of the state {state}, not ACTIVE" if file.uri else "a file without an address")
        return str(file.uri)
    except BaseException:
        with contextlib.suppress(Exception):
            files.delete(name=file.name, config=_google_within(_DELETE_S))
        raise


def _google_delete(chat: Any, uri: str) -> None:
    name = "files/" + uri.rpartition("/files/")[2]
    chat.client.files.delete(name=name, config=_google_within(_DELETE_S))


def _google_within(seconds: float, tries: int = 1) -> dict[str, Any]:
    """Google's client counts in milliseconds, and tries nothing again unless it is told to."""
    return {"http_options": {"timeout": int(1000 * seconds), "retry_options": {"attempts": tries}}}


def _state(file: Any) -> str:
    """What Google says of a file; one without a state is ready."""
    return "ACTIVE" if file.state is None else str(getattr(file.state, "value", file.state))


PROVIDERS: dict[str, Provider] = {
    "openai": Provider(
        _openai_upload,
        lambda chat, file_id: chat.root_client.with_options(max_retries=0, timeout=_DELETE_S).files.delete(file_id),
        lambda file_id: {"type": "input_image", "file_id": file_id, "detail": "auto"},
        {"use_responses_api": True},  # its chat completions take no file ids of pictures
    ),
    "anthropic": Provider(
        _anthropic_upload,
        lambda chat, file_id: chat._client.with_options(max_retries=0, timeout=_DELETE_S).beta.files.delete(file_id),
        lambda file_id: {"type": "image", "file_id": file_id},
        {"betas": ["files-api-2025-04-14"]},
    ),
    "google_genai": Provider(
        _google_upload,
        _google_delete,
        lambda uri: {"type": "file", "file_id": uri, "mime_type": _PNG},
        gone=MISSED | {403},  # "you do not have permission to access the file, or it may not exist"
    ),
}
"""The providers whose file ids are known here, by LangChain's name."""


def habits_of(provider: str) -> dict[str, Any]:
    """Options that a provider's chat model needs for file ids; none where none are known."""
    return dict(PROVIDERS[provider].habits) if provider in PROVIDERS else {}


def by_file(provider: str, chat: Any, *, once: bool) -> EachRequest:
    """How pictures get to a provider: uploaded once where that is wanted and it has file ids, else with each request.

    Args:
        provider: LangChain's name.
        chat: its chat model.
        once: whether uploads are wanted.
    """
    if provider not in PROVIDERS:
        return EachRequest(f"no file ids of {provider} are known here")
    if not once:
        return EachRequest("?media=once behind the name uploads them once, as files")
    return ByFile(PROVIDERS[provider], chat)


class ByFile(OnceEach):
    """Pictures are uploaded once; all of them are deleted when the planner is closed, or the process ends.

    Args:
        provider: how files are kept there.
        chat: the provider's chat model.
    """

    def __init__(self, provider: Provider, chat: Any) -> None:
        super().__init__(math.inf, provider.gone)
        self._provider, self._chat = provider, chat
        self._uploaded: set[str] = set()
        _open.add(self)

    def journey(self, pictures: Sequence[Picture]) -> Journey:
        """The way of the pictures of one step."""
        return _FileJourney(self, pictures)

    def upload(self, name: str, picture: Picture) -> None:
        """Upload a picture; where that is refused, all pictures travel as data from then on."""
        try:
            file_id = self._provider.upload(self._chat, picture.png())
        except Exception as error:  # each provider's client has errors of its own; the request itself will say more
            if status_of(error) is not None or isinstance(error, Unready):
                said = one_line(said_by(error), keys_of(self._chat))[:120]
                self.stop(f"the provider takes no uploads: {said}")
            return
        with self.lock:
            self._uploaded.add(file_id)
        self.keep(name, file_id)

    def as_file(self, file_id: str) -> dict[str, Any]:
        """What names a file in a message."""
        return self._provider.block(file_id)

    def examined(self, picture: Picture) -> tuple[bool, str]:
        """Upload a picture and delete it again."""
        name = self.name(picture)
        self.upload(name, picture)
        there = name in self.kept
        self.close()
        return (True, "uploaded once, deleted at the end") if there else (False, self.off or "the upload failed")

    def close(self) -> None:
        """Delete what was uploaded, as far as the provider lets us, within `CLOSING_S`."""
        with self.lock:
            gone, self._uploaded = self._uploaded, set()
            self.kept.clear()
        until = time.monotonic() + CLOSING_S
        for file_id in sorted(gone):
            if time.monotonic() > until:
                break
            with contextlib.suppress(Exception):  # whatever a client raises: there is nobody left to be told
                self._provider.delete(self._chat, file_id)

    def _bound(self) -> None:
        """Nothing is forgotten before it is deleted."""


class _FileJourney(OnceJourney):
    """A step with file ids."""

    travel: ByFile

    def prepare(self) -> None:
        """Upload what is new; other steps may name it at once."""
        for name in self.mine:
            with self.claim(name) as mine:
                if mine and not self.travel.off:
                    self.travel.upload(name, self.pictures[name])
            with self.travel.lock:
                if name in self.travel.kept:
                    self.had[name] = self.travel.kept[name]

    def block(self, picture: Picture) -> dict[str, Any]:
        """The file's id, or data where there is none."""
        name = self.travel.name(picture)
        if self.plain or name not in self.had:
            return picture.as_data()
        self.named.add(name)
        return self.travel.as_file(self.had[name])

    def _has_work(self) -> bool:
        return bool(self.mine)


_open: weakref.WeakSet[ByFile] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Files of planners that nobody closed."""
    for travel in list(_open):
        travel.close()
