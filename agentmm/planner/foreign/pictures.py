"""Pictures and sounds as a model's own processor makes them: the tokens that stand for one, and what encoders get.

A picture is a PIL image; a sound is float32 samples `[N]` at the processor's rate.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Any

import numpy as np

from agentmm.errors import PlannerError
from agentmm.media import Audio
from agentmm.media.resampling import resampled

TYPES = ("token_type_ids", "mm_token_type_ids")
"""What processors call the kinds of tokens, one for each token of the whole conversation."""

_NOT_FOR_ENCODERS = ("input_ids", "attention_mask", *TYPES)
_REMEMBERED = 512
_GREY = (128, 128, 128)
_TAIL_S = 0.1
"""End of a clip by which it is known whether the processor reads that far."""


@dataclass(frozen=True)
class Picture:
    """One picture, or one sound, in a prompt.

    Attributes:
        ids: placeholders, and what the processor puts between and around them, length T.
        types: per name in `TYPES` that the processor gives, the kind of each token, length T.
        grids: tensors that positions depend on: those whose names begin with `image_grid`, `audio_seqlens` of a sound.
        kind: `image` or `audio`.
        words: what is said in place of a clip that the processor would cut off; empty where all of it is heard.
    """

    ids: tuple[int, ...]
    types: dict[str, tuple[int, ...]] = field(default_factory=dict)
    grids: dict[str, Any] = field(default_factory=dict)
    kind: str = "image"
    words: str = ""


class Pictures:
    """A processor's eyes and ears.

    Args:
        processor: the model's.
        mark: what its chat template writes for a picture; empty where it shows none.
        sound: what it writes for a sound; empty where it shows none.

    Attributes:
        rate_hz: samples per second that the processor takes; None where it takes no sound.

    Raises:
        PlannerError: the template shows neither.
    """

    def __init__(self, processor: Any, mark: str, sound: str = "") -> None:
        if not mark and not sound:
            raise PlannerError(
                "the model's chat template shows no picture",
                expected="a mark where a picture stands",
                mend="the chat_template.jinja of its maker",
            )
        self.processor, self.mark, self.sound = processor, mark, sound
        self.rate_hz = int(processor.feature_extractor.sampling_rate) if sound else None
        self._known: OrderedDict[str, Picture] = OrderedDict()

    @property
    def kinds(self) -> tuple[str, ...]:
        """Media that the model has a sense for: `image`, `audio`."""
        return tuple(kind for kind, mark in (("image", self.mark), ("audio", self.sound)) if mark)

    def shown(self, medium: Any, *, blank: bool = False) -> Any:
        """A medium of the run as the processor takes it.

        Args:
            medium: an `Image`, or an `Audio`.
            blank: grey, or silence, of the same size in its place.
        """
        if isinstance(medium, Audio):
            samples = resampled(medium.samples, medium.rate_hz, self.rate_hz or medium.rate_hz)
            return np.zeros_like(samples) if blank else samples
        from PIL import Image

        picture = medium.to_pil().convert("RGB")
        return Image.new("RGB", picture.size, _GREY) if blank else picture

    def of(self, sha: str, load: Callable[[str], Any]) -> Picture:
        """A picture or sound by its hash; processed once, then remembered without its pixels."""
        if sha not in self._known:
            medium = load(sha)
            self._known[sha] = self._heard(medium) if isinstance(medium, np.ndarray) else self._seen(medium)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(sha)
        return self._known[sha]

    def inputs(self, media: Sequence[Any]) -> dict[str, Any]:
        """What the model's forward pass is given beside the tokens: tensors of pictures and sounds, in their order."""
        sounds = [medium for medium in media if isinstance(medium, np.ndarray)]
        images = [medium for medium in media if not isinstance(medium, np.ndarray)]
        read = (self._read_images(images) if images else {}) | (self._read_sounds(sounds) if sounds else {})
        return {name: value for name, value in read.items() if name not in _NOT_FOR_ENCODERS}

    def _seen(self, image: Any) -> Picture:
        read = self._read_images([image])
        ids, types = _tokens(read)
        return Picture(ids, types, {name: value for name, value in read.items() if name.startswith("image_grid")})

    def _heard(self, samples: Any) -> Picture:
        """A sound; in words where its end would not be heard."""
        read, rate_hz = self._read_sounds([samples]), self.rate_hz or 1
        ids, types = _tokens(read)
        other = samples.copy()
        tail = max(1, round(_TAIL_S * rate_hz))
        other[-tail:] = np.where(np.arange(len(other[-tail:])) % 2, 0.9, -0.9) - 0.1 * other[-tail:]
        if not _differ(read, self._read_sounds([other])):
            seconds = len(samples) / rate_hz
            words = f"a clip of {seconds:.1f} s, too long to be heard at once: ask for a part of it"
            return Picture((), kind="audio", words=words)
        mask = read.get("feature_attention_mask")
        return Picture(ids, types, {} if mask is None else {"audio_seqlens": mask.sum(-1)}, "audio")

    def _read_images(self, images: Sequence[Any]) -> dict[str, Any]:
        """The processor on pictures alone.

        Raises:
            PlannerError: it cannot make them into tokens.
        """
        return self._read(
            "a picture",
            [image.size for image in images],
            self.mark * len(images),
            add_special_tokens=False,
            images=list(images),
        )

    def _read_sounds(self, sounds: Sequence[Any]) -> dict[str, Any]:
        """The processor on sounds alone, each in a text of its own, which every processor takes.

        Raises:
            PlannerError: it cannot make them into tokens.
        """
        given = {
            "audio": list(sounds),
            "sampling_rate": self.rate_hz,
            "text_kwargs": {"padding": True, "add_special_tokens": False},
        }
        return self._read("a sound", [len(sound) for sound in sounds], [self.sound] * len(sounds), **given)

    def _read(self, what: str, sizes: Any, text: Any, **media: Any) -> dict[str, Any]:
        try:
            return dict(self.processor(text=text, return_tensors="pt", **media))
        except Exception as error:  # another maker's code: anything may come out of it
            kind = type(self.processor).__name__
            mend = "the processor that came with the weights: processor.save_pretrained(FOLDER)"
            said = shorten(str(error) or type(error).__name__, 240, placeholder=" ...")
            raise PlannerError(f"the model's {kind} cannot read {what}: {said}", got=sizes, mend=mend) from error


def _tokens(read: dict[str, Any]) -> tuple[tuple[int, ...], dict[str, tuple[int, ...]]]:
    """The ids of the only text, and their kinds by name."""
    ids = tuple(int(token) for token in read["input_ids"][0])
    return ids, {name: tuple(int(kind) for kind in read[name][0]) for name in TYPES if name in read}


def _differ(left: dict[str, Any], right: dict[str, Any]) -> bool:
    """Whether the features in two readings differ."""
    named = [name for name, value in left.items() if getattr(value, "is_floating_point", bool)()]
    return any(left[name].shape != right[name].shape or bool((left[name] != right[name]).any()) for name in named)
