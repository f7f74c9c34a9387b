"""Where things lie that a command names only in part, and whether what it shall write can be written there."""

from __future__ import annotations

import shlex
from pathlib import Path

from agentmm.cli.console import say
from agentmm.errors import UsageError


def store_file(store: str | None) -> Path:
    """The file of a trace store, the user's own where None; its folder is made.

    Raises:
        UsageError: it is a database URL, where only a file will do.
    """
    from agentmm.media.home import default_home

    if store is not None and "://" in store:
        from agentmm.trace.store import without_password

        line = "this command needs a trace store in a file"
        raise UsageError(line, got=without_password(store), mend="--store runs.db")
    path = Path(store) if store is not None else default_home() / "traces.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def media_root(store: str | None) -> Path:
    """The media of a trace store: the folder `media` beside it where there is one, else the user's own."""
    from agentmm.media.home import default_home

    if store is not None and "://" not in store:
        beside = Path(store).parent / "media"
        if beside.is_dir():
            return beside
    return default_home() / "media"


def planner_folder(planner: str) -> Path:
    """The folder of a local planner's weights.

    Raises:
        UsageError: it is no local planner.
    """
    if planner == "nano":
        return Path(__file__).parents[1] / "weights" / "nano"
    kind, _, folder = planner.partition(":")
    if kind == "hf" and Path(folder).is_dir():
        return Path(folder)
    raise UsageError("no planner that can be trained here", got=shown(planner), expected="nano or hf:FOLDER")


def shown(planner: str) -> str:
    """How errors quote a planner that was not loaded: without an address, which may hold a password or a key."""
    name, at, _ = planner.partition("@")
    return f"{name}@..." if at else planner.partition("?")[0]


def existing_store(store: str | None) -> str | None:
    """A store that is there already: reading a file that is not would make an empty one.

    Raises:
        UsageError: there is no such file.
    """
    if store is not None and "://" not in store and not Path(store).is_file():
        raise UsageError("no trace store there", got=store, mend=f"agentmm traces collect -n 100{same_store(store)}")
    return store


def same_store(store: str | None) -> str:
    """How the next command names the store, a database without its password; empty for the user's own."""
    if not store:
        return ""
    from agentmm.trace.store import without_password

    return f" --store {shlex.quote(without_password(store))}"


def tell_of_parts(store: str | None) -> None:
    """Say on stderr where runs lie beside a store that no collection has taken into it yet."""
    from agentmm.trace.parts import parts_of

    if store is not None and "://" in store:
        return
    found = parts_of(store_file(store))
    if found:
        say(
            f"parts of a collection lie beside the store ({', '.join(part.name for part in found)}): if none goes on,"
            f" the next one takes them in: agentmm traces collect -n 1{same_store(store)}",
            needed=True,
        )


def writable_file(path: Path, option: str) -> Path:
    """A file that will be written at the end of a long job, tried before its beginning; what is in it stays.

    Raises:
        UsageError: it cannot be written.
    """
    new = not path.exists()
    try:
        path.open("a").close()
        if new:
            path.unlink()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        mend = f"mkdir -p {shlex.quote(str(path.parent))}" if not path.parent.exists() else f"another {option}"
        raise UsageError(f"{option} cannot be written: {reason}", got=str(path), mend=mend) from error
    return path
