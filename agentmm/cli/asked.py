"""What was asked: media and question out of the words of the command line, refused before anything heavy loads."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentmm.errors import MediaError, UsageError

EXAMPLE = 'agentmm ask photo.jpg "How many people are there?"'
_MEDIA_NAME = re.compile(
    r"\S+\.(png|jpe?g|webp|gif|bmp|tiff?|wav|mp3|flac|ogg|m4a|mp4|mkv|webm|mov|avi)", re.IGNORECASE
)


@dataclass(frozen=True)
class Asked:
    """A question with its media, or a run to go on with."""

    question: str = ""
    media: list[Any] = field(default_factory=list)
    resume: str | None = None
    approve: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


def asked_of(words: Sequence[str], resume: str | None, approve: Sequence[str], deny: Sequence[str]) -> Asked:
    """What the words of the command line ask.

    Raises:
        UsageError: they contradict each other, there is no question, or a file cannot be a medium.
    """
    if resume:
        if words:
            raise UsageError(
                "--resume takes no media and no question", got=words, mend=f"agentmm ask --resume {resume}"
            )
        both = sorted({*approve} & {*deny})
        if both:
            raise UsageError("a call is approved and denied at once", got=both[0], expected="one of the two")
        return Asked(resume=resume, approve=tuple(approve), deny=tuple(deny))
    if approve or deny:
        raise UsageError("--approve and --deny need --resume TRACE", mend="agentmm ask --resume TRACE --approve CALL")
    if not words:
        raise UsageError("no question", expected="MEDIA... QUESTION", mend=EXAMPLE)
    *media, question = words
    if list(words).count("-") > 1:
        raise UsageError("stdin can be read once", got=list(words), mend=EXAMPLE)
    _check_order(media, question)
    return Asked(_question(question), [_medium(name) for name in media])


def _check_order(media: Sequence[str], question: str) -> None:
    """Refuse a file in the place of the question."""
    if question == "-":
        return
    named = _MEDIA_NAME.fullmatch(question)
    if (not media and (_there(question) or named)) or (named and _there(question) and all(map(_there, media))):
        raise UsageError(
            "a file but no question", got=question, mend=f'agentmm ask {" ".join([*media, question])} "What is this?"'
        )
    if media and _there(question) and not all(map(_there, media)):
        raise UsageError("the question comes last", got=question, mend=EXAMPLE)


def _question(word: str) -> str:
    text = sys.stdin.read() if word == "-" else word
    text = text.encode("utf-8", "replace").decode()  # words of another encoding arrive as lone surrogates
    if not text.strip():
        raise UsageError("the question is empty", got=text, mend=EXAMPLE)
    return text.strip()


def _medium(name: str) -> Any:
    """A path that is there, or the bytes of stdin; what is in it is seen when the run begins."""
    from agentmm.media.limits import LIMITS
    from agentmm.media.opening import check_file

    if name == "-":
        data = sys.stdin.buffer.read(LIMITS.file_bytes + 1)
        if not data:
            raise UsageError("stdin is empty", expected="the bytes of an image, audio or video file")
        return data
    try:
        check_file(Path(name), LIMITS, name)
    except MediaError as error:
        raise UsageError(str(error)) from error
    return Path(name)


def _there(name: str) -> bool:
    try:
        return os.path.exists(name)
    except (OSError, ValueError):
        return False
