"""The worker process: reads calls from its standard input, runs them, writes results; run as a module.

It ends when its parent is gone, even while a call hangs: a thread watches the pipe and the parent.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from agentmm.errors import AgentmmError, MediaError, MissingExtra, ToolCrash, ToolError
from agentmm.tool import wire
from agentmm.tool.decorator import build_late
from agentmm.tool.reference import Reference, load_reference
from agentmm.tool.result import as_dict, check_size, plain

Reply = dict[str, Any]

OUT_OF_MEMORY = 99
"""Exit code of a worker that could not get the memory it asked for; it takes no further call."""


def main() -> None:
    """Serve calls until the parent is gone."""
    parent = os.getppid()
    build_late()
    source, sink = _take_pipes()
    calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(source, calls), daemon=True).start()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if sys.argv[1:]:
        _bound_memory(int(sys.argv[1]))
    functions: dict[Reference, Callable[..., Any]] = {}
    while True:
        try:
            _answer(sink, calls.get(), functions)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes under other numbers, so that what tools print does not mix with results."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return source, sink


def _bound_memory(memory_mb: int) -> None:
    """Bound the address space to what is held now and so much more; a lower bound of the system's own stays."""
    import resource

    with contextlib.suppress(OSError, ValueError):
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (held + memory_mb * 2**20, hard))


def _listen(source: BinaryIO, calls: queue.SimpleQueue[Any]) -> None:
    """Queue what arrives; end everything when the parent closes the pipe."""
    try:
        while True:
            calls.put(wire.read(source, 2**40))
    except MemoryError:  # the arguments alone are too large
        os._exit(OUT_OF_MEMORY)
    except (EOFError, OSError):
        _die()


def _watch(parent: int) -> None:
    """End everything when the parent was killed, even if something else still holds its end of the pipe."""
    waiting = threading.Event()
    while os.getppid() == parent:
        waiting.wait(0.5)
    _die()


def _die() -> NoReturn:
    """Kill this process and what its tools started."""
    if os.getpid() == os.getpgid(0):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _answer(sink: BinaryIO, call: Any, functions: dict[Reference, Callable[..., Any]]) -> None:
    """Run one message and write its reply."""
    limit = int(call["limit"])
    try:
        reply = _run(call, functions)
        chunks = wire.encode(reply, limit)
    except ToolError as error:
        chunks = wire.encode({"error": "ToolError", "message": str(error)}, limit)
    for chunk in chunks:
        sink.write(chunk)
    sink.flush()


def _run(call: dict[str, Any], functions: dict[Reference, Callable[..., Any]]) -> Reply:
    """The reply to one call: a value, or an error by kind."""
    try:
        sys.path += [folder for folder in call["path"] if folder not in sys.path]  # the parent's may have grown
        value = as_dict(plain(_function(call["reference"], functions)(**call["arguments"])))
        check_size(value, call["limit"])
        return {"value": _bare(value)}
    except MissingExtra as error:
        return {"error": "MissingExtra", "message": str(error), "package": error.package, "extra": error.extra}
    except (ToolError, MediaError) as error:
        return {"error": "ToolError", "message": str(error)}
    except AgentmmError as error:
        return {"error": "AgentmmError", "message": str(error)}
    except MemoryError:
        raise
    except RecursionError:
        return {"error": "ToolError", "message": "the tool returned or met something nested too deeply"}
    except BaseException as error:  # SystemExit too: a tool that exits must not end its worker silently
        return {"error": "crash", "message": f"{type(error).__name__}: {error}"[:2000]}


def _function(reference: Reference, functions: dict[Reference, Callable[..., Any]]) -> Callable[..., Any]:
    """The tool's function, loaded once."""
    if reference not in functions:
        found = load_reference(reference)
        function = getattr(found, "function", found)
        if not callable(function):
            raise ToolCrash("a worker found something that is no tool", got=function)
        functions[reference] = function
    return functions[reference]


def _bare(value: Any) -> Any:
    """Regions without the picture they lie in: the parent has it."""
    from dataclasses import replace

    from agentmm.media import Region

    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return replace(value, image=None) if isinstance(value, Region) else value


if __name__ == "__main__":
    main()
