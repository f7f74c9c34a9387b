"""Measured on the model itself: whether its cache gives what the library's own uncached pass gives.

And whether several sequences in one pass get what each gets alone: token by token, and the words of their prompts.
A model in half precision is measured twice. While it computes in float32 (`widened.py`) it has to be as exact as any:
that tells what is wrong from what is rounded. In its own precision nothing may differ by more than twice what that
rounds, which is measured, too: the library's own pass against the same pass in float32.
Before, on the CPU, its linear layers are packed (`packing.py`), unless the library's own pass then gives anything else,
and few tokens attend in groups (`attention.py`), unless that is not exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from agentmm.errors import PlannerError
from agentmm.planner.foreign.abreast import Abreast, Fed
from agentmm.planner.foreign.attention import group, ungroup
from agentmm.planner.foreign.engine import ForeignModel
from agentmm.planner.foreign.features import Features, takes_features
from agentmm.planner.foreign.packing import LEAST, pack, packed_in, unpack
from agentmm.planner.foreign.pictures import Pictures
from agentmm.planner.foreign.positions import positions_of
from agentmm.planner.foreign.rendering import Placed, Told
from agentmm.planner.foreign.session import ForeignSession
from agentmm.planner.foreign.spelling import Spelling
from agentmm.planner.foreign.steps import Next
from agentmm.planner.foreign.widened import HALF, in_float32, in_half
from agentmm.planner.foreign.words import Words, feed

_TOLERANCE = {"torch.float32": 1e-4, "torch.float64": 1e-6}
_COARSE = 3e-2
"""Largest difference of a logit, as a share of the largest one: in float32, and in few bits, or in half precision where
what that rounds could not be measured."""

_ROUNDINGS = 2
_MOST = 0.25
"""In half precision: two ways to the same logits, each as far from float32 as the library's own."""

_PLACES = 64
"""After how many tokens what a precision rounds is looked at."""

Limit = Callable[[Any], float]
"""Logits -> the largest difference that is still called none."""

_SIZES = ((60, 40), (40, 56))
_SECONDS = (0.4, 0.7)
_SAID = ("One picture: ", "\nWhat is it? Another: ", "\nAnd this?")


@dataclass(frozen=True)
class Exactness:
    """What was measured.

    Attributes:
        exact: whether sessions may be used.
        difference: the largest difference of a logit; None where nothing could be measured.
        why: what was raised, or which limit was passed; empty where exact.
        features: whether a picture's features may stand for its pixels.
        together: whether several sequences may go through the model in one pass.
        words: whether the new words of several prompts may, too.
        apart: the largest difference of a logit, in one pass against alone; None where that could not be measured.
        ahead: whether a token with guesses after it, some of them forgotten again, gets what it gets by itself.
        turns: why sequences take turns; empty where they go together.
        packed: how many linear layers are packed.
        rounding: the largest difference of a logit that packing them made; None where none could be.
        grouped: whether its layers of words attend as `attention.py` has it.
        half: the name of the half precision that it computes in (`bfloat16`); empty for any other.
        coarse: how far the library's own pass is from float32 in it, the largest difference of a logit, to which all
            this holds; None where that could not be measured, as with few bits.
    """

    exact: bool
    difference: float | None = None
    why: str = ""
    features: bool = False
    together: bool = False
    words: bool = False
    ahead: bool = False
    apart: float | None = None
    turns: str = ""
    packed: int = 0
    rounding: float | None = None
    grouped: bool = False
    half: str = ""
    coarse: float | None = None


def measure(model: Any, pictures: Pictures, spelling: Spelling, least: int | None = LEAST) -> Exactness:
    """Feed two pictures, two sounds and words piece by piece, go back once, and compare each end with the whole.

    A model that only sees is shown pictures alone, one that only hears sounds alone. Where features can be passed in,
    they are; if that is not exact, it is measured without.

    Args:
        model: the model; where nothing is lost, it has packed layers afterwards.
        pictures: its processor.
        spelling: its tokenizer.
        least: fewest weights of a layer that is packed; None packs none, and leaves attention as it is.

    Raises:
        PlannerError: the library's own pass over the same fails, or what it gives is no number, or says nothing.
    """
    images = {f"{kind}{number}": probe(kind, number, pictures.rate_hz) for kind in pictures.kinds for number in (0, 1)}
    told = _conversation(pictures, spelling, images)
    plain = ForeignModel(model, pictures, (), None)
    packed, rounding = (0, None) if least is None else _packed(plain, told, images, least)
    coarse = _coarse(plain, told, images)
    grouped = least is not None and group(model)
    found = _with_features(plain, told, images, coarse)
    if grouped and not found.exact and ungroup(model):
        grouped, found = False, _with_features(plain, told, images, coarse)
    if not found.exact:
        _check_own(plain, told, images)
    half = str(model.dtype).removeprefix("torch.") if str(model.dtype) in HALF else ""
    return replace(found, packed=packed, rounding=rounding, grouped=grouped, half=half, coarse=coarse)


def _check_own(engine: ForeignModel, told: Told, images: dict[str, Any]) -> None:
    """See that the library's own pass works.

    Raises:
        PlannerError: it does not, so that the model can be used in no way.
    """
    import torch

    mend = "another copy of the model's weights and processor"
    try:
        with torch.inference_mode():
            logits = engine.uncached(told, images.__getitem__, [len(told.ids) - 1])
    except Exception as error:  # another maker's code
        _check_family(engine)
        raise PlannerError(f"the model cannot read what its processor makes: {_said(error)}", mend=mend) from error
    if bool(logits.isnan().any()):
        raise PlannerError("the model's logits are no numbers: its weights are spoilt", got="nan", mend=mend)
    if _says_nothing(logits):
        raise PlannerError("the model's logits are all equal, whatever it reads: its weights are spoilt", mend=mend)


def _check_family(engine: ForeignModel) -> None:
    """See whether a processor that its model cannot read is the one of its family.

    Raises:
        PlannerError: it is another's.
    """
    from transformers.models.auto import processing_auto

    names: Any = vars(processing_auto).get("PROCESSOR_MAPPING_NAMES", {})  # the library exports no public table of them
    own, found = names.get(engine.model.config.model_type), type(engine.pictures.processor).__name__
    if isinstance(own, str) and own != found:
        mend = "the processor that came with the weights: processor.save_pretrained(FOLDER)"
        line = "the model cannot read what its processor makes: it is one of another family"
        raise PlannerError(line, got=found, expected=own, mend=mend)


def _says_nothing(logits: Any) -> bool:
    """Whether all tokens are as likely everywhere: what is compared then proves nothing."""
    return bool((logits.amax(-1) == logits.amin(-1)).all())


def _coarse(engine: ForeignModel, told: Told, images: dict[str, Any]) -> float | None:
    """How far a half precision is from float32 by the library's own pass; None in others, or where that is unknown."""
    import torch

    if not in_half(engine.model):
        return None
    length = len(told.ids)
    places = sorted({*range(0, length, -(-length // _PLACES)), length - 1})
    try:
        with torch.inference_mode():
            own = engine.uncached(told, images.__getitem__, places)
            with in_float32(engine.model):
                off = float((engine.uncached(told, images.__getitem__, places) - own).abs().max())
    except Exception:  # another maker's code, which may name a precision of its own
        return None
    return off if math.isfinite(off) else None


def _with_features(plain: ForeignModel, told: Told, images: dict[str, Any], coarse: float | None) -> Exactness:
    """What is measured with features in place of pixels; if that cannot be or is not exact, without."""
    model, pictures = plain.model, plain.pictures
    if takes_features(model):
        found = _found(
            lambda: ForeignModel(model, pictures, (), None, features=Features(model, pictures)), told, images, coarse
        )
        if found.exact:
            return found
    return _found(lambda: plain, told, images, coarse)


def _found(make: Callable[[], ForeignModel], told: Told, images: dict[str, Any], coarse: float | None) -> Exactness:
    """What is measured in the model's precision; where it is known how that rounds, held to float32 as well."""
    engine = make()
    if coarse is None:
        return _measured(engine, told, images, lambda logits: _limit(engine.model, logits))
    with in_float32(engine.model):
        strict = _measured(make(), told, images, _share(_TOLERANCE["torch.float32"]))
    found = _measured(engine, told, images, lambda logits: _rounding(coarse, logits))
    return _both(found, strict)


def _rounding(coarse: float, logits: Any) -> float:
    """The largest difference that is the precision's own: no less than float32's, no more than some of the logits."""
    return min(max(_ROUNDINGS * coarse, _share(_TOLERANCE["torch.float32"])(logits)), _share(_MOST)(logits))


def _both(found: Exactness, strict: Exactness) -> Exactness:
    """What holds in a model's precision and in float32; differences are those of its precision."""
    if found.exact and not strict.exact:
        return replace(strict, why=f"in float32, {strict.why}")
    return replace(
        found,
        together=found.together and strict.together,
        words=found.words and strict.words,
        ahead=found.ahead and strict.ahead,
        turns=found.turns or (strict.turns and f"in float32, {strict.turns}"),
    )


def _packed(engine: ForeignModel, told: Told, images: dict[str, Any], least: int) -> tuple[int, float | None]:
    """Pack the model's linear layers: how many, and the largest difference of a logit; none where it is too large."""
    import torch

    model, worst = engine.model, None
    if model.device.type != "cpu" or model.dtype != torch.float32:
        return 0, None
    ends = [at - 1 for at in (*(placed.start for placed in told.images[1:]), len(told.ids))]
    try:
        with torch.inference_mode():
            before = engine.uncached(told, images.__getitem__, ends)
            packed = pack(model, least)
            after = engine.uncached(told, images.__getitem__, ends) if packed else before
    except Exception:  # another maker's code, which may look at weights in a way of its own
        unpack(model)
        return 0, None
    worst = float((after - before).abs().max())
    if not worst <= _limit(model, before):
        unpack(model)
        return 0, worst
    left = len(list(packed_in(model)))  # those that the model itself looks at are ordinary now
    return left, worst if packed else None


def _limit(model: Any, logits: Any) -> float:
    """The largest difference that is still called none."""
    fine = _COARSE if getattr(model, "is_quantized", False) else _TOLERANCE.get(str(model.dtype), _COARSE)
    return _share(fine)(logits)


def _share(fine: float) -> Limit:
    """A limit that is a share of the largest logit."""
    return lambda logits: fine * max(1.0, float(logits.abs().max()))


def _measured(engine: ForeignModel, told: Told, images: dict[str, Any], limit_of: Limit) -> Exactness:
    """Each end of a part by cache, against the whole."""
    import torch

    try:
        with torch.inference_mode():
            parts = _in_parts(engine, told, images)
            whole = engine.uncached(told, images.__getitem__, [length - 1 for length, _ in parts])
    except Exception as error:  # another maker's code: whatever it raises, there is no exact path
        return Exactness(False, why=_said(error), turns="it has no cache that is exact")
    if _says_nothing(whole):
        return Exactness(False, why="its logits are all equal", turns="it has no cache that is exact")
    worst = max(float((logits - row).abs().max()) for (_, logits), row in zip(parts, whole, strict=True))
    limit = limit_of(whole)
    if not worst <= limit:
        why = f"cached logits differ by {worst:.2g}, more than {limit:.2g}"
        return Exactness(False, worst, why, turns="it has no cache that is exact")
    turns, apart = _together(engine, told, images, limit)
    words = not turns and _words(engine, told, images, limit)
    ahead = _ahead(engine, told, images, limit)
    return Exactness(True, worst, "", engine.features is not None, not turns, words, ahead, apart, turns)


def _said(error: Exception) -> str:
    """What another maker's code raised, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _together(engine: ForeignModel, told: Told, images: dict[str, Any], limit: float) -> tuple[str, float | None]:
    """Why sequences of several lengths, coming in and leaving one by one, cannot share a pass; the largest difference.

    The reason is empty where each gets what it gets alone.
    """
    import torch

    first, *_, second = told.images
    lengths, positions = (first.end + 2, len(told.ids), second.start), positions_of(engine.model, told)
    try:
        with torch.inference_mode():
            alone, beside = ([_begun(engine, told, length, positions, images) for length in lengths] for _ in range(2))
            if any(next_.session.rigid for next_ in alone):
                return "its cache slides, convolves or recurs", None
            abreast, worst = Abreast(engine.model, engine._last_only), 0.0
            for members, token in (((0, 1), 0), ((0, 1, 2), 1), ((2, 1), 2)):
                fed = [Fed(beside[at].session, told.ids[token], beside[at].position()) for at in members]
                got, want = abreast.step(fed), [alone[at](told.ids[token]) for at in members]
                worst = max(worst, *(float((a - b).abs().max()) for a, b in zip(got, want, strict=True)))
    except Exception as error:  # another maker's code: such a model goes one by one
        return _said(error), None
    return "" if worst <= limit else f"logits differ by {worst:.2g}, more than {limit:.2g}", worst


def _words(engine: ForeignModel, told: Told, images: dict[str, Any], limit: float) -> bool:
    """Whether words of several lengths, after as much or more, get together what they get alone, and the next token."""
    import torch

    first, *_, last = told.images
    spans = [(first.end, told.images[1].start), (last.end, len(told.ids)), (first.end, first.end + 1)]
    positions = positions_of(engine.model, told)
    try:
        with torch.inference_mode():
            beside = [_begun(engine, told, begin, positions, images) for begin, _ in spans]
            alone = [_begun(engine, told, end - 1, positions, images) for _, end in spans]
            want = [next_(told.ids[end - 1]) for next_, (_, end) in zip(alone, spans, strict=True)]
            fed = [
                Words(next_.session, told.ids[begin:end], positions[..., begin:end])
                for next_, (begin, end) in zip(beside, spans, strict=True)
            ]
            got = feed(engine.model, fed, bool(engine._last_only))
            after = [
                Next(engine, one.session, positions[..., :end], end) for one, (_, end) in zip(fed, spans, strict=True)
            ]
            want += [next_(told.ids[0]) for next_ in alone]
            got += [next_(told.ids[0]) for next_ in after]
            worst = max(float((a - b).abs().max()) for a, b in zip(got, want, strict=True))
    except Exception:  # another maker's code: such a model is fed prompt by prompt
        return False
    return worst <= limit


def _ahead(engine: ForeignModel, told: Told, images: dict[str, Any], limit: float) -> bool:
    """Whether tokens in one pass get what each gets by itself, also after one that went back."""
    import torch

    begin, positions = told.images[0].end + 2, positions_of(engine.model, told)
    first, second, third, other = (told.ids[at] for at in range(4))
    try:
        with torch.inference_mode():
            alone, ahead = (_begun(engine, told, begin, positions, images) for _ in range(2))
            if alone.session.rigid:
                return False
            want = [alone(token) for token in (first, second, other, third)]
            got = list(ahead.rows([first, second, third]))[:2]
            ahead.keep(begin + 2)
            got += ahead.rows([other, third])
            worst = max(float((a - b).abs().max()) for a, b in zip(got, want, strict=True))
    except Exception:  # another maker's code: such a model is fed token by token
        return False
    return worst <= limit


def _begun(engine: ForeignModel, told: Told, length: int, positions: Any, images: Any) -> Next:
    """A session of the first tokens, ready to go on."""
    session = ForeignSession()
    _fed(engine, session, told, length, positions, images)
    return Next(engine, session, positions[..., :length], length)


def _conversation(pictures: Pictures, spelling: Spelling, images: dict[str, Any]) -> Told:
    """Words, picture, words, picture, words; the same with sounds."""
    told, (first, between, last) = Told(), _SAID
    order = [f"{kind}{number}" for number in range(len(_SIZES)) for kind in pictures.kinds]
    for words, sha in zip([first, *[between] * (len(order) - 1), last], [*order, None], strict=True):
        told.ids += spelling.encode([(words, False)], first=not told.ids)
        if sha is not None:
            picture = pictures.of(sha, images.__getitem__)
            told.images.append(Placed(sha, len(told.ids), picture))
            told.ids += picture.ids
    return told


def _in_parts(engine: ForeignModel, told: Told, images: dict[str, Any]) -> list[tuple[int, Any]]:
    """The logits after each part: (tokens so far, `[V]`); the last parts are fed twice, the second time on a fork.

    Of the last words, three tokens and one come by themselves, as what is written does.
    """
    *others, last = told.images
    length = len(told.ids)
    ends = [*(cut for cut in (length - 4, length - 1) if cut > last.end), length]
    cuts = [cut for placed in others for cut in (placed.start, placed.end + 2)]
    session, found = ForeignSession(), []
    positions = positions_of(engine.model, told)
    forked = session
    for length in (*cuts, last.start, last.end, *ends):
        if length == last.start:
            forked = session.fork(len(session.keys))
        found.append((length, _fed(engine, session, told, length, positions, images)))
    return [*found, (len(told.ids), _fed(engine, forked, told, len(told.ids), positions, images))]


def _fed(engine: ForeignModel, session: ForeignSession, told: Told, length: int, positions: Any, images: Any) -> Any:
    """Feed the conversation up to a length."""
    part = Told(told.ids[:length], [placed for placed in told.images if placed.end <= length])
    return engine.feed(session, part, positions[..., :length], images.__getitem__)


def probe(kind: str, number: int, rate_hz: int | None = None) -> Any:
    """A picture, or a sound at a rate, of noise; the same each time."""
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(number)
    if kind == "audio":
        return draw.uniform(-0.5, 0.5, round(_SECONDS[number] * (rate_hz or 1))).astype(np.float32)
    width, height = _SIZES[number]
    return Image.fromarray(draw.integers(0, 256, (height, width, 3), dtype=np.uint8))
