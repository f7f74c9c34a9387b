"""A local model that completes prompts through cache sessions, under a constraint."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from agentmm.planner.guess import Guesses
from agentmm.planner.sequence import Underway
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


class _Ahead(NamedTuple):
    """A sequence's keys and values with room to grow, and what may come next."""

    running: Any
    guesses: Guesses


class LocalModel:
    """A `MultimodalLM` with its sessions.

    Args:
        model: the model, in evaluation mode.
        image_size: side of the square that the encoder sees, in px.
        image_tokens: placeholders that one image takes.
        end_id: id of the end token.
        sessions: where sessions live; None feeds every prompt whole (for measurement).
        ahead: whether tokens are guessed and fed ahead; if not, one is fed at a time (for measurement).

    Attributes:
        per_key: most bytes that a position of a sequence took so far, pictures' features among them.
        padded: whether each of several sequences takes as much memory as the longest: here none does.
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
        self.per_key, self.padded = 0.0, False

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
        sequence = self.begin(prompt, load, constraint, sampling)
        steps = self._folded()
        with steps.own_threads() if steps is not None else nullcontext():
            while not sequence.over:
                self.advance([sequence])
        return self.end(sequence)

    def begin(self, prompt: Prompt, load: LoadImage, constraint: Any = None, sampling: Sampling = GREEDY) -> Underway:
        """Feed a prompt and choose the first token; the arguments are those of `complete`."""
        import torch

        began = time.perf_counter()
        with torch.inference_mode():
            session, logits, counters = self._prefill(prompt, load)
            counters.prefill_seconds = time.perf_counter() - began - counters.encode_seconds
            sequence = Underway(prompt, session, Writing(constraint, sampling, (self.end_id,)), counters, began=began)
            self.per_key = max(self.per_key, session.bytes / len(session.keys))
            if self.sessions is not None:  # others that begin alike need not wait for its end
                self.sessions.keep(session.fork(len(session.keys)))
            sequence.choose(logits.cpu().numpy()[None])
            steps = self._folded()
            if steps is not None and not sequence.over:
                room = max(1, sampling.max_tokens)
                sequence.running = _Ahead(steps.begin(session.layers, room), Guesses(prompt.ids, self.end_id))
                session.layers = []  # they are in the buffer now, which has room for what comes
        return sequence

    def advance(self, sequences: Sequence[Underway]) -> None:
        """One step of each sequence: all go through the weights together, then each chooses by its own rows.

        A sequence gets the rows that it gets alone; what its constraint raises is kept in its `error`.

        Args:
            sequences: those that are not over.
        """
        import torch

        with torch.inference_mode():
            for sequence in sequences:
                if sequence.running is None:
                    last = sequence.writing.result.ids[-1:]
                    logits = self._feed(sequence.session, self._embed(last, []), last)
                    sequence.choose(logits.cpu().numpy()[None])
            moved = [sequence for sequence in sequences if sequence.running is not None]
            for steps in dict.fromkeys(sequence.running.running.steps for sequence in moved):
                with steps.own_threads():  # of two, one has the weights as they were before they changed
                    self._advance_ahead([one for one in moved if one.running.running.steps is steps])

    def end(self, sequence: Underway) -> Completion:
        """What a sequence that is over came to; its session is kept.

        Raises:
            BaseException: what its constraint raised.
        """
        done, session = sequence.completed(), sequence.session
        if sequence.running is not None:
            running = sequence.running.running
            running.keep(len(sequence.prompt.ids) + len(done.ids) - 1)
            session.layers, session.keys = running.layers, [*session.keys, *done.ids[:-1]]
        if self.sessions is not None:
            self.sessions.keep(session)
        return done

    def forget(self, sequence: Underway) -> None:
        """Let a sequence go that nobody waits for any more: nothing but itself holds what it has."""

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
        return [features.clone() for features in self.model.encode_images(batch)]  # each goes by itself

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

    def _advance_ahead(self, sequences: Sequence[Underway]) -> None:
        """Feed each its last token with guesses along, and forget again what did not come true."""
        from agentmm.model.steps import together

        fed = []
        for sequence in sequences:
            writing, kept = sequence.writing, sequence.running
            written = writing.result.ids
            kept.running.keep(len(sequence.prompt.ids) + len(written) - 1)
            guessed = kept.guesses.after(written, writing.constraint, writing.room) if self.ahead else []
            fed.append((kept.running, [written[-1], *guessed]))
        for sequence, rows, (_, tokens) in zip(sequences, together(fed), fed, strict=True):
            sequence.choose(rows.cpu().numpy(), tokens[1:])

    def _folded(self) -> Any:
        """Steps through the decoder as it is now; None where its shape or precision has none."""
        from agentmm.model.steps import Steps

        if self._steps is None or (self._steps and not self._steps.current):
            self._steps = Steps.of(getattr(self.model, "decoder", None)) or False
        return self._steps or None
