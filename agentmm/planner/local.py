"""A local model that completes prompts through cache sessions, under a constraint."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from agentmm.planner.constrain import masks_of
from agentmm.planner.guess import Guesses
from agentmm.planner.sequence import Admitted, Request, Underway
from agentmm.planner.session import Key, Session, Sessions, waits
from agentmm.planner.writing import GREEDY, Completion, Counters, Known, Sampling, Writing

LoadImage = Callable[[str], Any]
"""An image's hash -> the picture (PIL image or uint8 array [H, W, 3])."""

PICTURES = 8
"""Most pictures that meet the encoder at once: of more, what lies between its layers outgrows the processor's cache."""


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
    """A sequence on its way.

    Attributes:
        running: its keys and values, with room to grow.
        guesses: what may come next.
        begun: the session of its prompt, which lies in the same memory until the sequence goes, but on a GPU.
    """

    running: Any
    guesses: Guesses
    begun: Session


class _Coming(NamedTuple):
    """A prompt that is about to be fed.

    Attributes:
        request: what is asked.
        keys: of the whole prompt.
        session: what is known of it.
        images: (position of the first placeholder, hash) of those that are not wholly known.
        counters: what it costs.
    """

    request: Request
    keys: list[Key]
    session: Session
    images: list[tuple[int, str]]
    counters: Counters


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
        self.per_key = 0.0

    @property
    def padded(self) -> bool:
        """Whether each of several sequences takes as much memory as the longest: on a GPU alone."""
        return bool(self._steps) and self._steps.captured is not None

    @property
    def recordings(self) -> int:
        """How many passes were recorded so far: on a GPU, each when its shape comes for the first time."""
        return self._steps.captured.recordings if self.padded else 0

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
        while not sequence.over:
            self.advance([sequence])
        return self.end(sequence)

    def begin(self, prompt: Prompt, load: LoadImage, constraint: Any = None, sampling: Sampling = GREEDY) -> Underway:
        """Feed a prompt and choose the first token; the arguments are those of `complete`."""
        (begun,) = self.begin_several([Request(prompt, load, constraint, sampling)])
        if isinstance(begun, Underway):
            return begun
        assert begun is not None, "the first prompt is always fed"
        raise begun

    def begin_several(self, requests: Sequence[Request], tokens: float = math.inf) -> list[Admitted]:
        """Feed several prompts in one pass, and choose the first token of each; their pictures are encoded together.

        Left for a later pass is a prompt that begins as one of this pass does, further than any session reaches: then
        it finds that one's session. Where the decoder has no steps, one is fed and the others are left.

        Args:
            requests: what is asked, at least one thing; the first is never left.
            tokens: once so many are to be fed, the rest is left.

        Returns:
            What became of each; errors are what `load` raised for it.
        """
        import torch

        began, steps = time.perf_counter(), self._folded()
        made: list[Admitted] = [None] * len(requests)
        with torch.inference_mode():
            fed: dict[int, _Coming] = {}
            pixels: dict[str, Any] = {}
            for index, request in enumerate(requests):
                if index and (steps is None or sum(one.counters.prefill_tokens for one in fed.values()) >= tokens):
                    break
                try:
                    one = self._looked_up(request, [other.keys for other in fed.values()], pixels)
                except BaseException as error:  # a picture that is gone: the others go on
                    made[index] = error
                    continue
                if one is not None:
                    fed[index] = one
            self._show(fed.values(), pixels)
            for index, sequence in zip(fed, self._fed(list(fed.values()), steps, began), strict=True):
                made[index] = sequence
        return made

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
                    embeds = self.model.get_input_embeddings()(torch.tensor(last, device=self.model.device))
                    logits = self._feed(sequence.session, embeds)
                    sequence.session.keys = [*sequence.session.keys, *last]
                    sequence.choose(logits.cpu().numpy())
            moved = [sequence for sequence in sequences if sequence.running is not None]
            for steps in dict.fromkeys(sequence.running.running.steps for sequence in moved):
                # of two, one has the weights as they were before they changed
                self._advance_ahead([one for one in moved if one.running.running.steps is steps])

    def end(self, sequence: Underway) -> Completion:
        """What a sequence that is over came to; its session is kept.

        Raises:
            BaseException: what its constraint raised.
        """
        if sequence.error is not None:
            self.forget(sequence)
        done, session = sequence.completed(), sequence.session
        if sequence.running is not None:
            running = sequence.running.running
            running.keep(len(sequence.prompt.ids) + len(done.ids) - 1)
            session.layers, session.keys = running.layers, [*session.keys, *done.ids[:-1]]
            sequence.running = None  # whoever waits finds its memory free
        if self.sessions is not None:
            self.sessions.keep(session)
        return done

    def forget(self, sequence: Underway) -> None:
        """Let a sequence go that nobody waits for any more; its prompt's session takes no room to grow along."""
        if sequence.running is not None:
            running, begun = sequence.running.running, sequence.running.begun
            if running.own:
                running.keep(len(begun.keys))
                begun.layers = running.layers
            sequence.running = None

    def keys(self, prompt: Prompt) -> list[Key]:
        """The session keys of a prompt: ids, and (hash, offset) where an image stands."""
        keys: list[Key] = list(prompt.ids)
        for start, sha in prompt.images:
            keys[start : start + self.image_tokens] = [(sha, offset) for offset in range(self.image_tokens)]
        return keys

    def _looked_up(self, request: Request, others: Sequence[Sequence[Key]], pixels: dict[str, Any]) -> _Coming | None:
        """A prompt with what is known of it; None for one that waits for one of others.

        Its pictures that must be encoded are loaded into `pixels`, but for those that are there.
        """
        from agentmm.model.pixels import square_pixels

        began, prompt, keys = time.perf_counter(), request.prompt, self.keys(request.prompt)
        session = self.sessions.find(keys) if self.sessions is not None else Session()
        known = len(session.keys)
        if self.sessions is not None and waits(keys, known, others):
            return None
        images = [(start, sha) for start, sha in prompt.images if start + self.image_tokens > known]
        unseen = dict.fromkeys(sha for _, sha in images if sha not in session.features and sha not in pixels)
        loaded = {sha: square_pixels(request.load(sha), self.image_size) for sha in unseen}
        pixels |= loaded
        counters = Counters(len(keys) - known, known, encoder_calls=len(loaded))
        counters.encode_seconds = time.perf_counter() - began if loaded else 0.0
        return _Coming(request, keys, session, images, counters)

    def _show(self, fed: Collection[_Coming], pixels: dict[str, Any]) -> None:
        """Encode pictures, and give each prompt's session its own."""
        began, features = time.perf_counter(), self._encode(pixels)
        seconds = time.perf_counter() - began
        for one in fed:
            one.session.features.update({sha: features[sha] for _, sha in one.images if sha in features})
            if one.counters.encoder_calls:
                one.counters.encode_seconds += seconds

    def _fed(self, fed: Sequence[_Coming], steps: Any, began: float) -> list[Underway]:
        """Feed what no session holds, all by one pass; without steps, of the one prompt that there is."""
        import torch

        from agentmm.model.steps import together

        embeds = [self._embed(one) for one in fed]
        running: list[Any] = [None] * len(fed)
        if steps is not None and fed:
            rooms = [max(1, one.request.sampling.max_tokens) for one in fed]
            running = [
                steps.begin(one.session.layers, len(row) + room)
                for one, row, room in zip(fed, embeds, rooms, strict=True)
            ]
            rows = together(list(zip(running, embeds, strict=True)), last=True)
        else:
            rows = [self._feed(one.session, row) for one, row in zip(fed, embeds, strict=True)]
        rows = torch.cat(rows).cpu().split(1) if rows else []
        made = [self._begun(one, run, began) for one, run in zip(fed, running, strict=True)]
        for sequence, logits in zip(made, rows, strict=True):
            sequence.choose(logits.numpy())
        return made

    def _begun(self, one: _Coming, running: Any, began: float) -> Underway:
        """The sequence of a prompt that was fed; others that begin alike find its session, and wait for no end."""
        request, session, counters = one.request, one.session, one.counters
        counters.prefill_seconds = time.perf_counter() - began - counters.encode_seconds
        writing = Writing(request.constraint, request.sampling, (self.end_id,))
        sequence = Underway(request.prompt, session, writing, counters, began=began)
        session.keys = one.keys
        kept = session.fork(len(one.keys))
        if running is not None:  # keys and values are in its buffer, which has room for what comes
            session.layers, kept.layers = [], running.shared
            sequence.running = _Ahead(running, Guesses(request.prompt.ids, (self.end_id,)), kept)
        self.per_key = max(self.per_key, kept.bytes / len(one.keys))
        if self.sessions is not None:
            self.sessions.keep(kept)
        return sequence

    def _encode(self, pixels: dict[str, Any]) -> dict[str, Any]:
        """Pictures uint8 [S, S, 3] through encoder and projector, several at once: hash -> `[Q, D]`."""
        import torch

        from agentmm.model.pixels import scale_pixels

        shas, encoded = list(pixels), list[Any]()
        for start in range(0, len(shas), PICTURES):
            several = np.stack([pixels[sha] for sha in shas[start : start + PICTURES]])
            batch = torch.from_numpy(scale_pixels(several)).to(self.model.device, self.model.dtype)
            encoded += [features.clone() for features in self.model.encode_images(batch)]  # each goes by itself
        return dict(zip(shas, encoded, strict=True))

    def _embed(self, one: _Coming) -> Any:
        """Embeddings `[T, D]` of what is not known of a prompt, image features in the places of their placeholders."""
        import torch

        known = len(one.session.keys)
        ids = torch.tensor(list(one.request.prompt.ids[known:]), device=self.model.device)
        embeds = self.model.get_input_embeddings()(ids).clone()
        for start, sha in one.images:
            first, features = max(start - known, 0), one.session.features[sha]
            embeds[first : start - known + self.image_tokens] = features[first - start + known :].to(embeds.dtype)
        return embeds

    def _feed(self, session: Session, embeds: Any) -> Any:
        """Run embeddings `[T, D]` through the model after what the session holds, which then has their layers.

        Returns:
            Float32 logits `[1, V]` after the last.
        """
        import torch
        from transformers import DynamicCache

        known = len(session.keys)
        cache = DynamicCache()
        for index, (k, v) in enumerate(session.layers):
            cache.update(k, v, index)
        positions = torch.arange(known, known + len(embeds), device=embeds.device)[None]
        out = self.model(
            inputs_embeds=embeds[None], past_key_values=cache, position_ids=positions, use_cache=True, logits_to_keep=1
        )
        layers: list[Any] = cache.layers
        session.layers = [(layer.keys, layer.values) for layer in layers]
        return out.logits[0, -1:].float()

    def _advance_ahead(self, sequences: Sequence[Underway]) -> None:
        """Feed each its last token with guesses along, and forget again what did not come true."""
        from agentmm.model.steps import together

        captured, fed = sequences[0].running.running.steps.captured, []
        worth = math.inf if captured is None else captured.worth(len(sequences)) - 1
        for sequence in sequences:
            writing, kept = sequence.writing, sequence.running
            written = writing.result.ids
            kept.running.keep(len(sequence.prompt.ids) + len(written) - 1)
            room = min(writing.room, worth)
            guessed = kept.guesses.after(written, writing.constraint, room) if self.ahead else []
            fed.append((kept.running, [written[-1], *guessed]))
        if captured is not None:
            self._chosen_beside(sequences, fed, captured)
            return
        for sequence, rows, (_, tokens) in zip(sequences, together(fed), fed, strict=True):
            sequence.choose(rows.numpy(), tokens[1:])

    def _chosen_beside(
        self, sequences: Sequence[Underway], fed: Sequence[tuple[Any, list[int]]], captured: Any
    ) -> None:
        """Feed sequences on a GPU; while it works, the processor finds out what their constraints allow."""
        guessed = [tokens[1:] for _, tokens in fed]
        legal: list[Any] = []

        def meanwhile() -> None:
            """What is legal for each row."""
            legal.extend(masks_of([sequence.writing.constraint for sequence in sequences], guessed))

        for sequence, rows, guesses, mask in zip(sequences, captured.rows(fed, meanwhile), guessed, legal, strict=True):
            sequence.choose(rows.logits, guesses, Known(rows.scales, mask))

    def _folded(self) -> Any:
        """Steps through the decoder as it is now; None where its shape or precision has none."""
        from agentmm.model.steps import Steps

        if self._steps is None or (self._steps and not self._steps.current):
            self._steps = Steps.of(getattr(self.model, "decoder", None)) or False
        return self._steps or None
