"""Pictures as a model's own processor makes them: the tokens that stand for one, and what its encoder gets."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agentmm.errors import PlannerError

TYPES = ("token_type_ids", "mm_token_type_ids")
"""What processors call the kinds of tokens, one for each token of the whole conversation."""

_NOT_FOR_ENCODERS = ("input_ids", "attention_mask", *TYPES)
_REMEMBERED = 512


@dataclass(frozen=True)
class Picture:
    """One picture in a prompt.

    Attributes:
        ids: placeholders, and what the processor puts between and around them, length T.
        types: per name in `TYPES` that the processor gives, the kind of each token, length T.
        grids: tensors whose names begin with `image_grid` or `image_sizes`: what positions depend on.
    """

    ids: tuple[int, ...]
    types: dict[str, tuple[int, ...]]
    grids: dict[str, Any]


class Pictures:
    """A processor's eyes.

    Args:
        processor: the model's.
        mark: what its chat template writes for a picture.

    Raises:
        PlannerError: the template shows no pictures.
    """

    def __init__(self, processor: Any, mark: str) -> None:
        if not mark:
            raise PlannerError("the model's chat template shows no picture", expected="a mark where a picture stands")
        self.processor, self.mark = processor, mark
        self._known: OrderedDict[str, Picture] = OrderedDict()

    def of(self, sha: str, load: Callable[[str], Any]) -> Picture:
        """A picture by its hash; processed once, then remembered without its pixels."""
        if sha not in self._known:
            self._known[sha] = self._picture(load(sha))
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(sha)
        return self._known[sha]

    def inputs(self, images: Sequence[Any]) -> dict[str, Any]:
        """What the model's forward pass is given beside the tokens: tensors of PIL images, in their order."""
        if not images:
            return {}
        read = self._read(images)
        return {name: value for name, value in read.items() if name not in _NOT_FOR_ENCODERS}

    def _picture(self, image: Any) -> Picture:
        read = self._read([image])
        ids = tuple(int(token) for token in read["input_ids"][0])
        types = {name: tuple(int(kind) for kind in read[name][0]) for name in TYPES if name in read}
        return Picture(ids, types, {name: value for name, value in read.items() if name.startswith("image_grid")})

    def _read(self, images: Sequence[Any]) -> dict[str, Any]:
        """The processor on pictures alone.

        Raises:
            PlannerError: it cannot make them into tokens.
        """
        try:
            text = self.mark * len(images)
            return dict(self.processor(text=text, images=list(images), return_tensors="pt", add_special_tokens=False))
        except Exception as error:  # another maker's code: anything may come out of it
            kind = type(self.processor).__name__
            sizes = [image.size for image in images]
            raise PlannerError(f"the model's {kind} cannot read a picture: {error}", got=sizes) from error
