"""`agentmm ask MEDIA... "question"`: one question, its steps on stderr, its answer on stdout."""

from __future__ import annotations

import errno
import secrets
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from agentmm.cli.asked import asked_of
from agentmm.cli.console import print_json, print_text, say, say_error, streams
from agentmm.cli.steps import show_answer, show_event
from agentmm.cli.thinking import HELP as THINK_HELP
from agentmm.cli.thinking import thinking
from agentmm.errors import MediaError, UsageError

EXAMPLES = (
    'agentmm ask receipt.jpg "What is the total?"   ·   '
    'agentmm ask a.png b.png "Which picture has more red circles?"   ·   '
    'agentmm ask --json scene.png "How many stars are there?"   ·   '
    'agentmm ask --resume TRACE   ·   echo "What is 12 * 7?" | agentmm ask -   ·   '
    'cat a.png | agentmm ask - "How many stars are there?"'
    "\n\nExit codes: 0 answered, unanswerable, or partial (a budget ended it)   ·   1 failed, or waits for approval   ·"
    "   2 wrong usage: a file that is missing or no medium, an unknown name   ·   130 interrupted"
)
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
FAILED = frozenset({"failed", "needs_approval"})


def ask(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MEDIA... QUESTION",
            help="Media files, then the question; `-` reads the question, or one medium, from stdin.",
        ),
    ] = None,
    planner: Annotated[
        str,
        typer.Option(help="nano | scripted | exerciser | hf:FOLDER | openai:MODEL@URL | provider:model | file.py:name"),
    ] = "nano",
    think: Annotated[
        str,
        typer.Option(help=THINK_HELP),
    ] = "auto",
    graph: Annotated[str, typer.Option(help="The reasoning graph: a name (`agentmm graphs list`).")] = "react",
    tools: Annotated[
        str | None, typer.Option(help="Comma-separated tool names, module:function or file.py:function.")
    ] = None,
    examples: Annotated[
        Path | None,
        typer.Option(help="Finished runs to show the planner before the question: a home folder or a trace store."),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=0, help="Most examples.")] = 2,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of everything that samples.")] = 0,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    max_steps: Annotated[int, typer.Option(min=1, help="Planner steps before an honest partial answer.")] = 8,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=1e7,
            help="Seconds for the run, the command's start counted up to half of them; a tool that hangs is ended.",
        ),
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="TRACE", help="Go on with a run that was killed or waits for approval.")
    ] = None,
    approve: Annotated[
        list[str] | None, typer.Option(metavar="CALL", help="Approve a waiting call of the resumed run.")
    ] = None,
    deny: Annotated[
        list[str] | None, typer.Option(metavar="CALL", help="Refuse a waiting call of the resumed run.")
    ] = None,
    ask_first: Annotated[
        list[str] | None, typer.Option("--ask-first", metavar="TOOL", help="Calls of this tool wait for approval.")
    ] = None,
    home: Annotated[
        Path | None, typer.Option(help="Where traces and media live (default: $AGENTMM_HOME or ~/.cache/agentmm).")
    ] = None,
) -> int:
    """Ask a question of pictures, documents, audio or video."""
    asked = asked_of(words or [], resume, approve or [], deny or [])
    again = Again.of(planner=planner, think=think, graph=graph, tools=tools, ask_first=ask_first, home=home)
    from agentmm.agent import Agent

    if asked.resume:
        _check_resumed(asked.resume, home, planner, tools)
    answer = None
    try:
        with Agent(
            planner=_thinking(planner, think),
            tools=_names(tools),
            graph=graph,
            home=home,
            seed=seed,
            max_steps=max_steps,
            approve=tuple(ask_first or ()),
            examples=examples,
            k=k,
        ) as agent:
            began = _began(timeout)
            if asked.resume:
                trace = agent.traces.find(asked.resume)
                _check_same(agent, trace)
                events = agent.stream(
                    resume=trace, approve=asked.approve, deny=asked.deny, timeout=timeout, began=began
                )
            else:
                trace = secrets.token_hex(8)
                events = agent.stream(asked.question, asked.media, thread=trace, timeout=timeout, began=began)
            try:
                answer = _watched(events, live=not json_)
            except KeyboardInterrupt:
                return _interrupted(agent, trace, again)
        return _finish(answer, again, json_=json_)
    except KeyboardInterrupt:
        if answer is None:  # it had not begun
            raise
        return _told_of_interruption(answer.trace_id, again)


def _check_resumed(trace: str, home: Path | None, planner: str, tools: str | None) -> None:
    """Refuse, before any weights load, a trace that is not there, or the usual planner or tools where it had others."""
    from agentmm.agent import DEFAULT_TOOLS
    from agentmm.media import default_home
    from agentmm.trace import TraceStore

    store = TraceStore((home or default_home()) / "traces.db")
    try:
        name = store.find(trace)
        known = store.get(name)
    finally:
        store.close()
    mend = f"agentmm ask --resume {name} --planner ... --tools ..., as it was asked"
    if planner == "nano" and known.planner.name not in ("", "nano"):
        raise UsageError("the run was asked of another planner", got=planner, expected=known.planner.name, mend=mend)
    missing = [tool.name for tool in known.tools if tool.name not in DEFAULT_TOOLS]
    if tools is None and missing:
        raise UsageError("the run was asked with other tools", expected=", ".join(missing), mend=mend)


def _check_same(agent: Any, trace: str) -> None:
    """Refuse to go on with another planner, another graph or without a tool of the run."""
    from agentmm.nodes.plan import planner_name

    known = agent.traces.get(trace)
    mend = f"agentmm ask --resume {trace} --planner ... --graph ... --tools ..., as it was asked"
    for what, then, now in (
        ("of another planner", known.planner.name, planner_name(agent.planner)),
        ("in another graph", known.graph, agent.graph_name),
    ):
        if then and then != now:
            raise UsageError(f"the run was asked {what}", got=now, expected=then, mend=mend)
    missing = [tool.name for tool in known.tools if tool.name not in {own.name for own in agent.tools}]
    if missing:
        raise UsageError("the run was asked with other tools", expected=", ".join(missing), mend=mend)


def _thinking(planner: str, think: str) -> Any:
    """The planner, made to think or not to; its name where it may do as it likes."""
    thinks = thinking(think, planner)
    if thinks is None:
        return planner
    from agentmm.planner import load_planner

    return load_planner(planner, think=thinks)


def _began(timeout: float | None) -> float | None:
    """Since when `--timeout` counts: the start of the command; half of it is kept for the run itself."""
    return None if timeout is None else max(streams.began, time.monotonic() - timeout / 2)


@dataclass(frozen=True)
class Again:
    """What the next command must say again: options that are not the default, and where the traces are."""

    flags: str = ""
    store: str = ""

    @classmethod
    def of(cls, *, home: Path | None, ask_first: list[str] | None = None, **given: str | None) -> Again:
        """Out of the options of this command."""
        usual = {"planner": "nano", "think": "auto", "graph": "react", "tools": None}
        words = [f" --{name} {shlex.quote(str(value))}" for name, value in given.items() if value != usual[name]]
        words += [f" --ask-first {shlex.quote(tool)}" for tool in ask_first or ()]
        if home is None:
            return cls("".join(words))
        words.append(f" --home {shlex.quote(str(home))}")
        return cls("".join(words), f" --store {shlex.quote(str(home / 'traces.db'))}")


def _watched(events: Iterator[Any], *, live: bool) -> Any:
    """The answer at the end of a run, its events shown on the way; a medium that cannot be used is wrong usage."""
    begun = False
    try:
        for event in events:
            begun = True
            if event.kind == "answer":
                return event.answer
            if live:
                show_event(event)
    except MediaError as error:
        if begun or getattr(error.__cause__, "errno", None) in _DISK:
            raise
        raise UsageError(str(error)) from error
    raise AssertionError("a stream ends with an answer")


def _interrupted(agent: Any, trace: str, again: Again) -> int:
    """What Ctrl-C comes to while a run goes on."""
    if agent.traces.has(trace):
        return _told_of_interruption(trace, again)
    say_error("interrupted; nothing was run")
    return 130


def _told_of_interruption(trace: str, again: Again) -> int:
    say_error(f"interrupted; what was finished is in trace {trace}")
    say(f"next     agentmm ask --resume {trace}{again.flags}")
    return 130


def _finish(answer: Any, again: Again, *, json_: bool) -> int:
    if json_:
        print_json(answer.as_json())
    elif answer.text and answer.status not in FAILED:
        print_text(answer.text)
    show_answer(answer, again.flags, again.store)
    return 1 if answer.status in FAILED else 0


def _names(tools: str | None) -> list[str] | None:
    if tools is None:
        return None
    names = [name.strip() for name in tools.split(",") if name.strip()]
    if not names:
        raise UsageError("--tools names no tool", got=tools, mend="agentmm tools list")
    return names
