"""`agentmm demo`: questions of the example media, live, with their traces and one annotated picture."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from agentmm.cli.console import print_json, print_text, say
from agentmm.cli.places import writable_file
from agentmm.cli.steps import show_event
from agentmm.errors import UsageError

EXAMPLES = "agentmm demo   ·   agentmm demo --planner scripted   ·   agentmm demo --json"

QUESTIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("scene.png",), "How many red circles are there?"),
    (("scene.png",), "What colour is the star?"),
    (("scene.png",), "Are there more circles than squares?"),
    (("scene.png", "scene_2.png"), "Which picture has more triangles?"),
    (("receipt.png",), "What is the total?"),
    (("sign.png",), "What does the first line of the sign say?"),
    (("chart.png",), "What is the title?"),
    (("code.png",), "What does the bar code say?"),
    (("note.wav",), "On which day is the meeting?"),
    ((), "What is 12 * 7.5?"),
)
"""Media of `examples/media/` and what is asked of them."""


def demo(
    planner: Annotated[str | None, typer.Option(help="nano where its weights are, else scripted.")] = None,
    home: Annotated[Path | None, typer.Option(help="Where traces and media go.")] = None,
    picture: Annotated[Path, typer.Option(help="Where the annotated picture goes.")] = Path("runs/demo.png"),
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of everything that samples.")] = 0,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object a question.")] = False,
) -> int:
    """Ask ten questions of pictures, pages, a code and a voice note; show plan, calls, results and answers."""
    _check_picture(picture)
    from agentmm.agent import Agent
    from agentmm.planner import default_planner

    folder, failed, shown = media_folder(), 0, None
    with Agent(planner=planner or default_planner(), home=home, seed=seed) as agent:
        for names, question in QUESTIONS:
            answer = _asked(agent, question, names, folder, json_=json_)
            if answer is None:
                continue
            failed += answer.status == "failed"
            shown = _better(shown, answer, agent)
        if shown is not None:
            _annotate(agent, *shown, picture)
        _next(agent, shown and shown[0], picture, home)
    return 1 if failed else 0


def _asked(agent: Any, question: str, names: tuple[str, ...], folder: Path, *, json_: bool) -> Any:
    """Ask one question and show it; None where its media are not there."""
    gone = [name for name in names if not (folder / name).is_file()]
    if gone:
        say(f"\nskipped: {', '.join(gone)} is not in {folder}")
        return None
    if not json_:
        say(f"\n{', '.join(names) or 'no media'}: {question}", style="bold")
    answer = _ask(agent, question, [folder / name for name in names], live=not json_)
    if json_:
        print_json({"question": question, **answer.as_json()})
    else:
        print_text(f"answer   {answer.text or answer.reason}", style="bold green")
    return answer


Shown = tuple[Any, dict[str, tuple[str, Any]]]
"""An answer, and the boxes to draw: handle -> (handle of the picture, box in its pixels)."""


def _better(shown: Shown | None, answer: Any, agent: Any) -> Shown | None:
    """What the picture shows: the newest answer that cites boxes, else the first run that found some."""
    cited = {region.handle: (region.source, region.box) for region in answer.regions if region.box}
    if cited:
        return answer, cited
    if shown is not None:
        return shown
    records = agent.traces.get(answer.trace_id).media
    found = {
        handle: (record["source"], record["box"])
        for handle, record in records.items()
        if record.get("kind") == "region" and record.get("box") and record.get("source") in answer.media
    }
    return (answer, found) if found else None


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


def _ask(agent: Any, question: str, media: list[Path], *, live: bool) -> Any:
    answer = None
    for event in agent.stream(question, media=media):
        if event.kind == "answer":
            answer = event.answer
        elif live:
            show_event(event)
    return answer


def _check_picture(path: Path) -> None:
    """Refuse, before anything is asked, a picture that cannot be written at the end; its folder is made.

    Raises:
        UsageError: its name ends in no kind of picture, or the file cannot be written.
    """
    from PIL import Image as PILImage

    if PILImage.registered_extensions().get(path.suffix.lower()) not in PILImage.SAVE:
        raise UsageError("--picture is no kind of picture", got=str(path), expected="a name that ends in .png or .jpg")
    with suppress(OSError):  # why not is said by the file
        path.parent.mkdir(parents=True, exist_ok=True)
    writable_file(path, "--picture")


def _annotate(agent: Any, answer: Any, boxes: dict[str, tuple[str, Any]], path: Path) -> None:
    """Draw the boxes of a run into their picture."""
    from PIL import ImageDraw

    source = next(iter(boxes.values()))[0]
    picture = agent.store.get(answer.media[source]).to_pil()
    pen = ImageDraw.Draw(picture)
    for handle, (where, box) in boxes.items():
        if where == source:
            pen.rectangle(tuple(box), outline=(220, 0, 60), width=3)
            pen.text((box[0] + 3, max(0, box[1] - 12)), handle, fill=(220, 0, 60))
    picture.save(path)


def _next(agent: Any, answer: Any, picture: Path, home: Path | None) -> None:
    store = "" if home is None else f" --store {agent.home / 'traces.db'}"
    say("")
    if answer is not None:
        say(f"picture  {picture} shows what trace {answer.trace_id} found")
    say(f"traces   {agent.home / 'traces.db'}")
    say(f"next     agentmm traces list{store}   ·   agentmm traces verify --all{store}")
    say('next     agentmm ask examples/media/receipt.png "What is the total?"   ·   agentmm eval world -n 100')
