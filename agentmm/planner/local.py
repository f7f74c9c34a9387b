"""A local model that completes prompts through cache sessions, under a constraint."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agentmm.planner.guess import Guesses
from agentmm.planner.session import Key, Sessions, features_of
from agentmm.planner.writing import GREEDY, Completion, Counters, Sampling, Writing

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
        ahead: whether tokens are guessed and fed ahead; if not, one is fed at a time (for measurement).
    """

    def __init__(
        self,
        model: Any,
        *,
        image_size: int,
        image_tokens: int,
        end_id: int,
        sessions: Sessions | None,
        ahead: bool = True,
    ) -> None:
        self.model, self.sessions, self.ahead = model, sessions, ahead
        self.image_size, self.image_tokens, self.end_id = image_size, image_tokens, end_id
        self._steps: Any = None

    def complete(
        self, prompt: Prompt, load: LoadImage, constraint: Any = None, sampling: Sampling = GREEDY
    ) -> Completion:
        """Generate until the end token or the limit.

        Args:
            prompt: ids and images of the step.
            load: brings an image by its hash; called once per image that must be encoded.
            constraint: an `agentmm.planner.constrain.Constraint`; None allows everything.
            sampling: temperature, limit and seed.
        """
        import torch

        started = time.perf_counter()
        with torch.inference_mode():
            session, logits, counters = self._prefill(prompt, load)
            counters.prefill_seconds = time.perf_counter() - started - counters.encode_seconds
            decoding = time.perf_counter()
            writing = Writing(constraint, sampling, (self.end_id,))
            self._decode(prompt, session, logits, writing)
            counters.decode_seconds = time.perf_counter() - decoding
        if self.sessions is not None:
            self.sessions.keep(session)
        result = writing.result
        counters.decode_tokens, counters.seconds = len(result.ids), time.perf_counter() - started
        counters.guessed_tokens, counters.cut_off = writing.guessed, int(not result.ended)
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

    def _decode(self, prompt: Prompt, session: Any, logits: Any, writing: Writing) -> None:
        """Write token after token; every token but the last is fed to the session."""
        steps = self._folded()
        if steps is not None:
            with steps.own_threads():
                self._decode_ahead(prompt, session, logits, writing, steps)
            return
        written = writing.result.ids
        while not writing.take(logits.cpu().numpy()[None]):
            logits = self._feed(session, self._embed(written[-1:], []), written[-1:])

    def _decode_ahead(self, prompt: Prompt, session: Any, logits: Any, writing: Writing, steps: Any) -> None:
        """Feed guesses along with each token, and forget again what did not come true."""
        known, written = len(session.keys), writing.result.ids
        running, guesses = steps.begin(session.layers, writing.sampling.max_tokens), Guesses(prompt.ids, self.end_id)
        rows, guessed = logits[None], []
        while not writing.take(rows.cpu().numpy(), guessed):
            running.keep(known + len(written) - 1)
            guessed = guesses.after(written, writing.constraint, writing.room) if self.ahead else []
            rows = running.step([written[-1], *guessed])
        running.keep(known + len(written) - 1)
        session.layers, session.keys = running.layers, [*session.keys, *written[:-1]]

    def _folded(self) -> Any:
        """Steps through the decoder as it is now; None where its shape or precision has none."""
        from agentmm.model.steps import Steps

        if self._steps is None or (self._steps and not self._steps.current):
            self._steps = Steps.of(getattr(self.model, "decoder", None)) or False
        return self._steps or None
