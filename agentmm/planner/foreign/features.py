"""What a model's vision encoder made of pictures, kept by their hashes: one that comes again is not encoded again.

Only for models whose forward pass takes encoder outputs in place of pixels; whether that is exact is measured.
"""

from __future__ import annotations

import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from agentmm.planner.foreign.pictures import Pictures
from agentmm.planner.foreign.session import tensors_of

FEATURE_BYTES = 256 * 2**20
"""Bytes that encoder outputs of one model may take together."""

GIVEN = "mm_encoder_outputs"
"""What models of transformers call encoder outputs that are passed in."""

_NOT_READ = ("last_hidden_state", "hidden_states", "attentions")


def takes_features(model: Any) -> bool:
    """Whether a model's forward pass takes what its vision encoder made of a picture."""
    return GIVEN in inspect.signature(model.forward).parameters and hasattr(model, "get_image_features")


class Features:
    """Encoder outputs of one model, least recently used first out; safe across threads.

    Args:
        model: for which `takes_features` holds.
        pictures: its processor.
        limit_bytes: most bytes that they may take together.
    """

    def __init__(self, model: Any, pictures: Pictures, limit_bytes: int = FEATURE_BYTES) -> None:
        self.model, self.pictures, self.limit_bytes = model, pictures, limit_bytes
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._takes = inspect.signature(model.get_image_features).parameters

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self._known

    @property
    def bytes(self) -> int:
        """Bytes that all of them take now."""
        with self._lock:
            return sum(size for _, size in self._known.values())

    def inputs(self, key: str, read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What stands for a picture's pixels in a forward pass; it meets the encoder if it is not known.

        Args:
            key: its hash, and how it is shown.
            read: brings what the processor makes of it alone, on the model's device.
        """
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return {GIVEN: {"image": self._known[key][0]}}
        given = {name: value for name, value in read().items() if name in self._takes}
        made = self.model.get_image_features(**given, return_dict=True)
        made = type(made)(**{name: value for name, value in made.items() if name not in _NOT_READ})
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors_of(dict(made)))
        with self._lock:
            self._known[key] = made, size
            while sum(size for _, size in self._known.values()) > self.limit_bytes:
                self._known.popitem(last=False)
        return {GIVEN: {"image": made}}
