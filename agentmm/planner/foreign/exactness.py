"""Measured on the model itself: whether its cache gives what the library's own uncached pass gives.

And whether several sequences in one pass get what each gets alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentmm.planner.foreign.abreast import Abreast, Fed
from agentmm.planner.foreign.engine import ForeignModel, Next
from agentmm.planner.foreign.pictures import Pictures
from agentmm.planner.foreign.positions import positions_of
from agentmm.planner.foreign.rendering import Placed, Told
from agentmm.planner.foreign.session import ForeignSession
from agentmm.planner.foreign.spelling import Spelling

_TOLERANCE = {"torch.float32": 1e-4, "torch.float64": 1e-6}
_COARSE = 3e-2
"""Largest difference of a logit, as a share of the largest one: in float32, and in half precision."""

_SIZES = ((60, 40), (40, 56))
_SAID = ("One picture: ", "\nWhat is it? Another: ", "\nAnd this?")


@dataclass(frozen=True)
class Exactness:
    """What was measured.

    Attributes:
        exact: whether sessions may be used.
        difference: the largest difference of a logit; None where nothing could be measured.
        why: what was raised, or which limit was passed; empty where exact.
        together: whether several sequences may go through the model in one pass.
    """

    exact: bool
    difference: float | None = None
    why: str = ""
    together: bool = False


def measure(model: Any, pictures: Pictures, spelling: Spelling) -> Exactness:
    """Feed two pictures and words piece by piece, go back once, and compare each piece's end with the whole."""
    import torch

    engine, told = ForeignModel(model, pictures, (), None), _conversation(pictures, spelling)
    images = {placed.sha: probe_picture(int(placed.sha)) for placed in told.images}
    try:
        with torch.inference_mode():
            parts = _in_parts(engine, told, images)
            whole = engine.uncached(told, images.__getitem__, [length - 1 for length, _ in parts])
    except Exception as error:  # another maker's code: whatever it raises, there is no exact path
        return Exactness(False, why=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
    worst = max(float((logits - row).abs().max()) for (_, logits), row in zip(parts, whole, strict=True))
    limit = _TOLERANCE.get(str(model.dtype), _COARSE) * max(1.0, float(whole.abs().max()))
    if worst > limit:
        return Exactness(False, worst, f"cached logits differ by {worst:.2g}, more than {limit:.2g}")
    return Exactness(True, worst, together=_together(engine, told, images, limit))


def _together(engine: ForeignModel, told: Told, images: dict[str, Any], limit: float) -> bool:
    """Whether sequences of several lengths, one after the other coming in and leaving, get what each gets alone."""
    import torch

    first, second = told.images
    lengths, positions = (first.end + 2, len(told.ids), second.start), positions_of(engine.model, told)
    try:
        with torch.inference_mode():
            alone, beside = ([_begun(engine, told, length, positions, images) for length in lengths] for _ in range(2))
            if any(next_.session.rigid for next_ in alone):
                return False
            abreast, worst = Abreast(engine.model, engine._last_only), 0.0
            for members, token in (((0, 1), 0), ((0, 1, 2), 1), ((2, 1), 2)):
                fed = [Fed(beside[at].session, told.ids[token], beside[at].position()) for at in members]
                got, want = abreast.step(fed), [alone[at](told.ids[token]) for at in members]
                worst = max(worst, *(float((a - b).abs().max()) for a, b in zip(got, want, strict=True)))
    except Exception:  # another maker's code: such a model goes one by one
        return False
    return worst <= limit


def _begun(engine: ForeignModel, told: Told, length: int, positions: Any, images: Any) -> Next:
    """A session of the first tokens, ready to go on."""
    session = ForeignSession()
    _fed(engine, session, told, length, positions, images)
    return Next(engine, session, positions[..., :length], length)


def _conversation(pictures: Pictures, spelling: Spelling) -> Told:
    """Words, picture, words, picture, words."""
    told = Told()
    for number, words in enumerate(_SAID):
        told.ids += spelling.encode([(words, False)], first=not number)
        if number < len(_SIZES):
            picture = pictures.of(f"{number}", lambda sha: probe_picture(int(sha)))
            told.images.append(Placed(f"{number}", len(told.ids), picture))
            told.ids += picture.ids
    return told


def _in_parts(engine: ForeignModel, told: Told, images: dict[str, Any]) -> list[tuple[int, Any]]:
    """The logits after each part: (tokens so far, `[V]`); the last parts are fed twice, the second time on a fork."""
    first, second = told.images
    cuts = [first.start, first.end + 2, second.start, second.end, len(told.ids)]
    session, found = ForeignSession(), []
    positions = positions_of(engine.model, told)
    forked = session
    for length in cuts:
        if length == second.start:
            forked = session.fork(len(session.keys))
        found.append((length, _fed(engine, session, told, length, positions, images)))
    return [*found, (cuts[-1], _fed(engine, forked, told, cuts[-1], positions, images))]


def _fed(engine: ForeignModel, session: ForeignSession, told: Told, length: int, positions: Any, images: Any) -> Any:
    """Feed the conversation up to a length."""
    part = Told(told.ids[:length], [placed for placed in told.images if placed.end <= length])
    return engine.feed(session, part, positions[..., :length], images.__getitem__)


def probe_picture(number: int) -> Any:
    """A picture of noise, the same each time."""
    import numpy as np
    from PIL import Image

    width, height = _SIZES[number]
    return Image.fromarray(np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8))
