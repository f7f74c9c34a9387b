"""From `openai:MODEL@URL` or `provider:model` to a planner; keys and habits come from the environment."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from agentmm.errors import BadSetting, MissingExtra, PlannerError, UnknownPlanner, UsageError
from agentmm.planner.keys import hidden, keys_of
from agentmm.planner.remote.gate import Gate
from agentmm.planner.remote.planner import ASKED, RemotePlanner
from agentmm.planner.remote.pool import Pool
from agentmm.planner.remote.travelling import PATIENCE_S, SETTINGS, EachRequest

FORM = "openai:MODEL@http://host:port/v1"
"""How a server is named."""

MEDIA = "?media="
"""What a name ends in that says how pictures travel, before the way itself."""

KEY = "OPENAI_API_KEY"
"""The variable of a server's key."""

NO_KEY = "none"
"""What is sent to a server where the environment has no key."""

TIMEOUT_S = 120.0
"""How long a server may be silent, in seconds, where nothing else is said."""

_Number = TypeVar("_Number", int, float)
_KEYLIKE = re.compile(r"key|token|secret|pass|pw|auth|sig|cred|user", re.IGNORECASE)
_SERVER = re.compile(r"(?P<model>.*?)@(?P<url>https?://.*)")
_WORD = re.compile(r"[A-Za-z]{1,20}")
_HELD = re.compile(r".*@|[?#].*", re.DOTALL)
"""What of an address may hold a password or a key: all before its host, and what follows its path."""


def load_remote(name: str, **options: Any) -> RemotePlanner | Pool:
    """A remote planner by name.

    Args:
        name: `openai:MODEL@URL` for a server that speaks OpenAI's protocol, `openai:MODEL@URL,URL` for several of the
            same model, else `provider:model` as LangChain's `init_chat_model` knows them. Each with `?media=once` (or
            `each`, `auto`) behind it where pictures are to travel so; traces call the planner by the rest.
        **options: `media` likewise, `requests_per_minute` and `at_once` (most requests under way); for a server also
            `timeout` (seconds that it may be silent), `gap` (seconds between two parts of a reply that streams),
            `max_retries`, `streaming` and `max_tokens`, which else come from the environment
            (`AGENTMM_SERVER_TIMEOUT_S`, `..._GAP_S`, `..._RETRIES`, `..._REQUESTS_PER_MINUTE`, `..._AT_ONCE`,
            `..._STREAM`, `..._MAX_TOKENS`, `..._MEDIA`); further ones for the chat model.

    Raises:
        UnknownPlanner: the name or its address is malformed, or the provider is unknown.
        UsageError: a key is among the options.
        BadSetting: an option or a variable of the environment is no number, or no way for pictures to travel.
        MissingExtra: the provider's package is not installed.
        PlannerError: the chat model cannot be made, for want of a key say.
    """
    keys = sorted(option for option in options if option.endswith(("api_key", "token", "secret")))
    if keys:
        raise UsageError("keys come from the environment alone", got=", ".join(keys), mend=f"export {KEY}=...")
    name, media = _media(name, options)
    provider, _, rest = name.partition(":")
    if provider == "openai":
        _see_named(rest)
    if provider == "openai" and "@http" in rest and "," in rest.rpartition("@")[2]:
        return _pool(name, rest, {**options, "media": media})
    gate = Gate(
        _option(options, "requests_per_minute", "REQUESTS_PER_MINUTE", float),
        _option(options, "at_once", "AT_ONCE", int),
    )
    if provider == "openai" and "@" in rest:
        return _server(name, *_address(rest), gate, media, options)
    if "@http" in rest:
        raise UnknownPlanner("only a server of OpenAI's protocol has an address", got=provider, expected=FORM)
    if "//" in name or "?" in name:  # not quoted: there may be a password or a key in it
        raise UnknownPlanner("a planner's name is malformed", expected=f"{FORM}, or provider:model")
    return _provided(name, provider, rest, gate, media, options)


def _media(name: str, options: dict[str, Any]) -> tuple[str, str]:
    """A name without what it says of media, and how they are to travel.

    Raises:
        BadSetting: there is no such way.
    """
    plain, named, way = name.partition(MEDIA)
    given, variable = options.pop("media", None), "AGENTMM_SERVER_MEDIA"
    held = None if named or given else os.environ.get(variable) or None
    if not named:
        way = given or held or SETTINGS[0]
    if way not in SETTINGS:
        raise BadSetting(
            f"{variable} is malformed" if held else "pictures cannot travel so",
            got=way if _WORD.fullmatch(way) else None,  # more than a word may be anything, a key too
            expected=" | ".join(SETTINGS),
            mend=f"export {variable}=once" if held else f"NAME{MEDIA}once",
        )
    return plain, way


def _pool(name: str, rest: str, options: dict[str, Any]) -> Pool:
    """One planner for each address; every one has a gate of its own.

    Raises:
        UnknownPlanner: an address is malformed, or stands there twice.
    """
    model, _, urls = rest.rpartition("@")
    names = [f"openai:{model}@{url}" for url in urls.split(",")]
    for url in urls.split(","):
        _address(f"{model}@{url}")
    if len(set(names)) < len(names):
        raise UnknownPlanner("a server stands there twice", got=urls, expected=f"{FORM},http://other:port/v1")
    planners = [load_remote(one, **options) for one in names]
    return Pool(planners=planners, called=name, weights_id=name)


def _address(rest: str) -> tuple[str, str]:
    """Model and address of a server.

    Raises:
        UnknownPlanner: it has no host, or holds what does not belong there, such as a password.
    """
    found = _SERVER.fullmatch(rest)
    if found is None or not found["model"]:
        raise UnknownPlanner("a planner's address is malformed", got=_HELD.sub("", rest), expected=FORM)
    try:
        parts = urlsplit(found["url"])
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if any(sign in found["url"] for sign in "@?#"):
        raise UnknownPlanner("an address holds no name, password or query", expected=FORM, mend=f"export {KEY}=...")
    if not host:
        raise UnknownPlanner("a planner's address is malformed", got=found["url"], expected=FORM)
    return found["model"], found["url"]


def _server(name: str, model: str, url: str, gate: Gate, media: str, options: dict[str, Any]) -> RemotePlanner:
    """A planner on a server that speaks OpenAI's protocol."""
    timeout = _option(options, "timeout", "TIMEOUT_S", float)
    given = {
        "gap_s": _option(options, "gap", "GAP_S", float),
        "max_retries": _option(options, "max_retries", "RETRIES", int),
        "max_tokens": _option(options, "max_tokens", "MAX_TOKENS", int),
        "streaming": options.pop("streaming", os.environ.get("AGENTMM_SERVER_STREAM", "") not in ("", "0")),
    }

    def make() -> Any:
        from agentmm.planner.remote.server import server_chat

        told = {option: value for option, value in given.items() if value is not None}
        return server_chat(model, url, os.environ.get(KEY) or NO_KEY, **told, **options)

    chat = _made(name, make)
    return RemotePlanner(
        model=chat,
        called=name,
        weights_id=name,
        asked=ASKED,
        seeded=True,
        timeout_s=TIMEOUT_S if timeout is None else timeout,
        gate=gate,
        travel=_by_uuid(chat, gate, media),
    )


def _by_uuid(chat: Any, gate: Gate, media: str) -> EachRequest:
    """How pictures get to a server."""
    if media == "each":
        return EachRequest("?media=each")
    from agentmm.planner.remote.uuids import ByUuid

    told = media == "once"
    return ByUuid(chat, gate, ask=not told, patience_s=math.inf if told else PATIENCE_S)


def _provided(name: str, provider: str, model: str, gate: Gate, media: str, options: dict[str, Any]) -> RemotePlanner:
    """A planner on a provider's own service."""
    from agentmm.planner.remote.files import by_file, habits_of

    once = media == "once"
    for option, wanted in (habits_of(provider) if once else {}).items():
        given = options.get(option, wanted)
        options[option] = [*wanted, *given] if isinstance(wanted, list) and given is not wanted else given
    chat = _made(name, lambda: _of_provider(provider, model, options))
    return RemotePlanner(model=chat, called=name, gate=gate, travel=by_file(provider, chat, once=once))


def _of_provider(provider: str, model: str, options: dict[str, Any]) -> Any:
    from langchain.chat_models import init_chat_model

    return init_chat_model(model, model_provider=provider, **options)


def _made(name: str, make: Callable[[], Any]) -> Any:
    """A chat model, or why there is none.

    Raises:
        MissingExtra: its package is not installed.
        UnknownPlanner: LangChain knows no such provider.
        PlannerError: it cannot be made.
    """
    try:
        return make()
    except ImportError as error:
        package = getattr(error, "name", None) or f"the LangChain package of {name.partition(':')[0]}"
        raise MissingExtra(package, "remote") from error
    except ValueError as error:
        line = hidden(str(error), keys_of())
        raise UnknownPlanner(f"no planner of that name: {line}", got=name, mend="agentmm doctor") from None
    except Exception as error:  # each provider's client has errors of its own, most often for a key that is missing
        line = hidden(str(error), keys_of())
        raise PlannerError(f"the planner cannot be loaded: {line}", got=name, mend="agentmm doctor") from None


def _option(options: dict[str, Any], name: str, variable: str, kind: type[_Number]) -> _Number | None:
    """A number out of the options or the environment, above 0 (retries: 0 or more); None where neither has it.

    Raises:
        BadSetting: it is none.
    """
    variable = f"AGENTMM_SERVER_{variable}"
    given = options.pop(name, None)
    text = os.environ.get(variable) if given is None else given
    if text in (None, ""):
        return None
    try:
        number = kind(text)
    except (TypeError, ValueError, OverflowError):
        number = kind(-1)
    none = name == "max_retries"
    if not math.isfinite(number) or number < 0 or (number == 0 and not none):
        expected = ("a whole number" if kind is int else "a number") + (", 0 or more" if none else " above 0")
        called = variable if given is None else name
        raise BadSetting(f"{called} is malformed", got=text, expected=expected, mend=f"export {variable}=...")
    return number


def _see_named(rest: str) -> None:
    """See that an address has a model before it and no settings behind it.

    Raises:
        UnknownPlanner: it has none, or some; they are not quoted, since one may be a key.
    """
    model, _, url = rest.partition("@http")
    if not model and url:
        raise UnknownPlanner("the model's name is missing before the address", expected=FORM)
    if "?" in url and "@" not in url and not _KEYLIKE.search(url.partition("?")[2]):
        raise UnknownPlanner(
            "an address holds no name, password or query", expected=f"{FORM}, alone or with {MEDIA}once behind it"
        )
