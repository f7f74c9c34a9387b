"""The suite `photos`: 20 questions on photographs and scans that ship inside the dependencies, one by one.

Nothing here was made by the practice world: the pictures are scikit-image's, ultralytics' and matplotlib's
example files, found in the installed packages; a picture that is not installed makes its question count as wrong.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentmm.eval.score import is_right

SHIPPED = {
    "page": ("skimage", "data/page.png"),
    "text": ("skimage", "data/text.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "cat": ("skimage", "data/chelsea.png"),
    "bus": ("ultralytics", "assets/bus.jpg"),
    "match": ("ultralytics", "assets/zidane.jpg"),
    "logo": ("matplotlib", "mpl-data/sample_data/logo2.png"),
    "officer": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
}
"""Name of a picture -> the package that has it and its path there."""


@dataclass(frozen=True)
class PhotoQuestion:
    """A question with what is accepted.

    Attributes:
        pictures: names among `SHIPPED`, in order.
        text: the question.
        accepted: accepted answers, judged by the scorer of every suite.
        kind: what the answer is, for the scorer.
    """

    pictures: tuple[str, ...]
    text: str
    accepted: tuple[str, ...]
    kind: str = "text"


QUESTIONS: tuple[PhotoQuestion, ...] = (
    PhotoQuestion(("page",), "What is the heading?", ("Region-based segmentation",)),
    PhotoQuestion(("text",), "How high is this image?", ("172",), "number"),
    PhotoQuestion(("page",), "Does it say histogram anywhere?", ("yes",), "yes_no"),
    PhotoQuestion(("page",), "Is the word elephant on the page?", ("no",), "yes_no"),
    PhotoQuestion(("page",), "How many lines of text are there?", ("7",), "number"),
    PhotoQuestion(("page",), "How wide is the picture?", ("384",), "number"),
    PhotoQuestion(("bus",), "How high is the picture?", ("1080",), "number"),
    PhotoQuestion(("bus",), "Is the picture higher than wide?", ("yes",), "yes_no"),
    PhotoQuestion(("bus",), "Does the word emisiones occur?", ("yes",), "yes_no"),
    PhotoQuestion(("bus",), "Does it say coffee anywhere?", ("no",), "yes_no"),
    PhotoQuestion(("logo",), "What does the sign say?", ("matplotlib",)),
    PhotoQuestion(("logo",), "What is written here?", ("matplotlib",)),
    PhotoQuestion(("motorcycle",), "What does it say?", ("YAMAHA",)),
    PhotoQuestion(("motorcycle",), "What is the width of this image in pixels?", ("741",), "number"),
    PhotoQuestion(("officer",), "Does it say HOPPER anywhere?", ("yes",), "yes_no"),
    PhotoQuestion(("rocket", "match"), "Which picture is wider?", ("picture 2", "image 2", "second"), "picture"),
    PhotoQuestion(("page", "logo"), "Which picture says background?", ("picture 1", "image 1", "first"), "picture"),
    PhotoQuestion(("coffee",), "Are there any blue stars?", ("no",), "yes_no"),
    PhotoQuestion(("cat",), "How tall is this image?", ("300",), "number"),
    PhotoQuestion(("match",), "How many triangles are there?", ("0", "zero"), "number"),
)
"""What is asked; the truth was read off the pictures by eye."""


def picture_path(name: str) -> Path | None:
    """Where a picture of `SHIPPED` is installed; None where it is not."""
    package, inside = SHIPPED[name]
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    return next((path for folder in folders if (path := Path(folder) / inside).is_file()), None)


def evaluate_photos(planner: Any = "nano") -> list[dict[str, Any]]:
    """Ask every question.

    Args:
        planner: a planner, or its name.

    Returns:
        A row a question: `picture`, `question`, `accepted`, `answer`, `status`, `right`.
    """
    from agentmm.agent import Agent

    with tempfile.TemporaryDirectory(prefix="agentmm-photos-") as home, Agent(planner=planner, home=home) as agent:
        return list(_rows(agent))


def _rows(agent: Any) -> Iterator[dict[str, Any]]:
    for question in QUESTIONS:
        paths = [picture_path(name) for name in question.pictures]
        row = {"picture": ",".join(question.pictures), "question": question.text, "accepted": list(question.accepted)}
        if any(path is None for path in paths):
            yield {**row, "answer": "", "status": "picture not installed", "right": False}
            continue
        answer = agent.ask(question.text, media=paths)
        right = is_right(answer.text, question.accepted, question.kind)
        yield {**row, "answer": answer.text, "status": answer.status, "right": right}
