"""`agentmm ask MEDIA... "question"`: one question, its steps on stderr, its answer on stdout."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from agentmm.cli.console import print_json, print_text
from agentmm.cli.steps import show_answer, show_event
from agentmm.errors import UsageError

EXAMPLES = (
    'agentmm ask receipt.jpg "What is the total?"   ·   '
    'agentmm ask a.png b.png "Which picture has more red circles?"   ·   '
    'agentmm ask --json scene.png "How many stars are there?"   ·   '
    'agentmm ask --resume TRACE   ·   echo "What is 12*7?" | agentmm ask -'
)


def ask(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MEDIA... QUESTION", help="Media files, then the question; `-` reads the question from stdin."
        ),
    ] = None,
    planner: Annotated[
        str, typer.Option(help="nano | scripted | exerciser | hf:PATH_OR_NAME | openai:MODEL@URL | provider:model")
    ] = "nano",
    graph: Annotated[str, typer.Option(help="The reasoning graph (see `agentmm graphs list`).")] = "react",
    tools: Annotated[
        str | None, typer.Option(help="Comma-separated tool names, module:function or file.py:function.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything that samples.")] = 0,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    max_steps: Annotated[int, typer.Option(min=1, help="Planner steps before an honest partial answer.")] = 8,
    timeout: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds for the whole run; a tool that hangs is ended.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="TRACE", help="Go on with a run that was killed or waits for approval.")
    ] = None,
    approve: Annotated[
        list[str] | None, typer.Option(metavar="CALL", help="Approve a waiting call of the resumed run.")
    ] = None,
    ask_first: Annotated[
        list[str] | None, typer.Option("--ask-first", metavar="TOOL", help="Calls of this tool wait for approval.")
    ] = None,
    home: Annotated[
        Path | None, typer.Option(help="Where traces and media live (default: $AGENTMM_HOME or ~/.cache/agentmm).")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
) -> int:
    """Ask a question of pictures, documents, audio or video."""
    from agentmm.agent import Agent

    media, question = _split(words or [], resume)
    agent = Agent(
        planner=planner,
        tools=_names(tools),
        graph=graph,
        home=home,
        seed=seed,
        max_steps=max_steps,
        approve=tuple(ask_first or ()),
    )
    if resume:
        events = agent.stream(None, resume=resume, approve=tuple(approve or ()), timeout=timeout)
    else:
        events = agent.stream(question, media=media, timeout=timeout)
    answer = None
    for event in events:
        if event.kind == "answer":
            answer = event.answer
        elif not (quiet or json_):
            show_event(event)
    return _finish(answer, json_=json_, quiet=quiet)


def _finish(answer: Any, *, json_: bool, quiet: bool) -> int:
    if json_:
        print_json(answer.as_json())
    elif answer.text and answer.status != "failed":
        print_text(answer.text)
    if not quiet:
        show_answer(answer)
    return 1 if answer.status in {"failed", "needs_approval"} else 0


def _split(words: list[str], resume: str | None) -> tuple[list[str], str]:
    """Media files and the question out of the words of the command line."""
    if resume:
        if words:
            raise UsageError(
                "--resume takes no media and no question", got=words, mend=f"agentmm ask --resume {resume}"
            )
        return [], ""
    if not words:
        raise UsageError(
            "no question", expected="MEDIA... QUESTION", mend='agentmm ask photo.jpg "How many people are there?"'
        )
    *media, question = words
    if question == "-":
        question = sys.stdin.read().strip()
    if not question.strip():
        raise UsageError("the question is empty", mend='agentmm ask photo.jpg "How many people are there?"')
    if not media and Path(question).is_file():
        raise UsageError("a file but no question", got=question, mend=f'agentmm ask {question} "What is this?"')
    return media, question


def _names(tools: str | None) -> list[str] | None:
    return None if tools is None else [name.strip() for name in tools.split(",") if name.strip()]
