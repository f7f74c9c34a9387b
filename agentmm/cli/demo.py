"""`agentmm demo`: questions of the example media, live, with their traces and one annotated picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from agentmm.cli.console import print_json, print_text, say
from agentmm.cli.steps import show_event
from agentmm.errors import UsageError

EXAMPLES = "agentmm demo   ·   agentmm demo --planner scripted   ·   agentmm demo --json"

QUESTIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("scene.png",), "How many red circles are there?"),
    (("scene.png",), "What colour is the star?"),
    (("scene.png",), "Are there more circles than squares?"),
    (("scene.png", "scene_2.png"), "Which picture has more triangles?"),
    (("receipt.png",), "What is the total?"),
    (("sign.png",), "What does the sign say?"),
    (("chart.png",), "What is the value of the highest bar?"),
    (("code.png",), "What does the code say?"),
    (("note.wav",), "What does the note say?"),
    ((), "What is 12 * 7.5?"),
)
"""Media of `examples/media/` and what is asked of them."""


def demo(
    planner: Annotated[str | None, typer.Option(help="nano where its weights are, else scripted.")] = None,
    home: Annotated[Path | None, typer.Option(help="Where traces and media go.")] = None,
    picture: Annotated[Path, typer.Option(help="Where the annotated picture goes.")] = Path("demo_annotated.png"),
    json_: Annotated[bool, typer.Option("--json", help="One JSON object a question.")] = False,
) -> int:
    """Ask ten questions of pictures, pages, a code and a voice note; show plan, calls, results and answers."""
    from agentmm.agent import Agent

    folder = media_folder()
    agent = Agent(planner=planner or _default_planner(), home=home)
    failed, cited = 0, None
    for names, question in QUESTIONS:
        if not json_:
            say(f"\n{', '.join(names) or 'no media'}: {question}", style="bold")
        answer = _ask(agent, question, [folder / name for name in names], live=not json_)
        failed += answer.status == "failed"
        cited = answer if answer.regions and any(region.box for region in answer.regions) else cited
        if json_:
            print_json({"question": question, **answer.as_json()})
        else:
            print_text(f"answer   {answer.text or answer.reason}", style="bold green")
    if cited is not None:
        _annotate(agent, cited, picture)
    _next(agent, cited, picture)
    return 1 if failed else 0


def media_folder() -> Path:
    """The folder of the example media: beside the package in a checkout, else in the working folder.

    Raises:
        UsageError: it is not there.
    """
    for folder in (Path(__file__).parents[2] / "examples" / "media", Path("examples/media")):
        if folder.is_dir():
            return folder
    raise UsageError(
        "no examples/media here", expected="a checkout of agentmm", mend='agentmm ask photo.jpg "How many?"'
    )


def _default_planner() -> str:
    weights = Path(__file__).parents[1] / "weights" / "nano" / "model.safetensors"
    return "nano" if weights.is_file() else "scripted"


def _ask(agent: Any, question: str, media: list[Path], *, live: bool) -> Any:
    answer = None
    for event in agent.stream(question, media=media):
        if event.kind == "answer":
            answer = event.answer
        elif live:
            show_event(event)
    return answer


def _annotate(agent: Any, answer: Any, path: Path) -> None:
    """Draw the cited regions of an answer into their picture."""
    from PIL import ImageDraw

    source = next(region.source for region in answer.regions if region.box)
    picture = agent.store.get(answer.media[source]).to_pil()
    pen = ImageDraw.Draw(picture)
    for region in answer.regions:
        if region.box and region.source == source:
            pen.rectangle(region.box, outline=(220, 0, 60), width=3)
            pen.text((region.box[0] + 3, max(0, region.box[1] - 12)), region.handle, fill=(220, 0, 60))
    picture.save(path)


def _next(agent: Any, cited: Any, picture: Path) -> None:
    say("")
    if cited is not None:
        say(f"picture  {picture} shows what the answer to {cited.trace_id} cites")
    say(f"traces   {agent.home / 'traces.db'}")
    say("next     agentmm traces list   ·   agentmm traces show TRACE   ·   agentmm traces verify --all")
    say('next     agentmm ask examples/media/receipt.png "What is the total?"   ·   agentmm eval world -n 100')
