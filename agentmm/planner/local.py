"""A local model that completes prompts through cache sessions, one token at a time, under a constraint."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agentmm.planner.decoding import GREEDY, Completion, Counters, Sampling, decode
from agentmm.planner.session import Key, Sessions, features_of

__all__ = ["Completion", "Counters", "LoadImage", "LocalModel", "Prompt", "Sampling"]

LoadImage = Callable[[str], Any]
"""An image's hash -> the picture (PIL image or uint8 array [H, W, 3])."""


@dataclass(frozen=True)
class Prompt:
    """What a step is rendered to.

    Attributes:
        ids: token ids, length T; image placeholders are in place.
        images: (position of the first placeholder, image hash) in reading order.
    """

    ids: Sequence[int]
    images: Sequence[tuple[int, str]] = ()


class LocalModel:
    """A `MultimodalLM` with its sessions.

    Args:
        model: the model, in evaluation mode.
        image_size: side of the square that the encoder sees, in px.
        image_tokens: placeholders that one image takes.
        end_id: id of the end token.
        sessions: where sessions live; None feeds every prompt whole (for measurement).
    """

    def __init__(
        self, model: Any, *, image_size: int, image_tokens: int, end_id: int, sessions: Sessions | None
    ) -> None:
        self.model, self.sessions = model, sessions
        self.image_size, self.image_tokens, self.end_id = image_size, image_tokens, end_id
        self._steps: Any = None

    def complete(
        self, prompt: Prompt, load: LoadImage, constraint: Any = None, sampling: Sampling = GREEDY
    ) -> Completion:
        """Generate until the end token or the limit.

        Args:
            prompt: ids and images of the step.
            load: brings an image by its hash; called once per image that must be encoded.
            constraint: has `legal() -> bool [V]` and `take(token)`; None allows everything.
            sampling: temperature, limit and seed.
        """
        import torch

        started = time.perf_counter()
        with torch.inference_mode():
            session, logits, counters = self._prefill(prompt, load)
            counters.prefill_seconds = time.perf_counter() - started - counters.encode_seconds
            decoding = time.perf_counter()
            result = self._decode(session, logits, constraint, sampling)
            counters.decode_seconds = time.perf_counter() - decoding
        if self.sessions is not None:
            self.sessions.keep(session)
        counters.decode_tokens, counters.seconds = len(result.ids), time.perf_counter() - started
        counters.cut_off = int(not result.ended)
        result.counters = counters
        return result

    def keys(self, prompt: Prompt) -> list[Key]:
        """The session keys of a prompt: ids, and (hash, offset) where an image stands."""
        keys: list[Key] = list(prompt.ids)
        for start, sha in prompt.images:
            keys[start : start + self.image_tokens] = [(sha, offset) for offset in range(self.image_tokens)]
        return keys

    def _prefill(self, prompt: Prompt, load: LoadImage) -> tuple[Any, Any, Counters]:
        """Feed what no session holds; returns the session, the logits after the last token, the counters."""
        from agentmm.planner.session import Session

        keys = self.keys(prompt)
        session = self.sessions.find(keys) if self.sessions is not None else Session()
        known = len(session.keys)
        new = [(start, sha) for start, sha in prompt.images if start + self.image_tokens > known]
        counters = Counters(len(keys) - known, known)

        def encode(shas: list[str]) -> list[Any]:
            started = time.perf_counter()
            encoded = self._encode(shas, load)
            counters.encode_seconds = time.perf_counter() - started
            return encoded

        features, counters.encoder_calls = features_of(session, [sha for _, sha in new], encode)
        embeds = self._embed(
            list(prompt.ids[known:]), [(start - known, f) for (start, _), f in zip(new, features, strict=True)]
        )
        logits = self._feed(session, embeds, keys[known:])
        return session, logits, counters

    def _encode(self, shas: list[str], load: LoadImage) -> list[Any]:
        """Images through encoder and projector, one batch: hashes -> `[Q, D]` each."""
        import torch

        from agentmm.model.pixels import scale_pixels, square_pixels

        pixels = np.stack([square_pixels(load(sha), self.image_size) for sha in shas])
        batch = torch.from_numpy(scale_pixels(pixels)).to(self.model.device, self.model.dtype)
        return list(self.model.encode_images(batch))

    def _embed(self, ids: list[int], features: list[tuple[int, Any]]) -> Any:
        """Embeddings `[1, T, D]` of new ids, image features in the places of their placeholders."""
        import torch

        embeds = self.model.get_input_embeddings()(torch.tensor([ids], device=self.model.device)).clone()
        for start, value in features:
            first = max(start, 0)
            embeds[0, first : start + self.image_tokens] = value[first - start :].to(embeds.dtype)
        return embeds

    def _feed(self, session: Any, embeds: Any, keys: Sequence[Key]) -> Any:
        """Run embeddings `[1, T, D]` after what the session holds; returns float32 logits `[V]` after the last."""
        import torch
        from transformers import DynamicCache

        known = len(session.keys)
        cache = DynamicCache()
        for index, (k, v) in enumerate(session.layers):
            cache.update(k, v, index)
        positions = torch.arange(known, known + embeds.shape[1], device=embeds.device)[None]
        out = self.model(
            inputs_embeds=embeds, past_key_values=cache, position_ids=positions, use_cache=True, logits_to_keep=1
        )
        layers: list[Any] = cache.layers
        session.layers = [(layer.keys, layer.values) for layer in layers]
        session.keys = [*session.keys, *keys]
        return out.logits[0, -1].float()

    def _decode(self, session: Any, logits: Any, constraint: Any, sampling: Sampling) -> Completion:
        """Sample token after token; every token but the last is fed to the session."""
        known = len(session.keys)
        running = self._running(session, sampling.max_tokens)

        def step(token: int) -> Any:
            embedded = self._embed([token], [])
            return self._feed(session, embedded, [token]) if running is None else running.step(embedded[0, 0])

        result = decode(logits, step, (self.end_id,), constraint, sampling)
        if running is not None:
            session.layers, session.keys = running.layers, [*session.keys, *result.ids[: running.length - known]]
        return result

    def _running(self, session: Any, room: int) -> Any:
        """The session's sequence for single steps; None where the decoder's shape has no such steps."""
        from agentmm.model.single_steps import SingleSteps

        if self._steps is None or (self._steps and not self._steps.current):
            self._steps = SingleSteps.of(getattr(self.model, "decoder", None)) or False
        return self._steps.begin(session.layers, room) if self._steps else None
