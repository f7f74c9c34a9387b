"""A foreign model that completes prompts: only what no session holds is fed, at positions that we computed."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from agentmm.planner.foreign.abreast import Abreast, Fed
from agentmm.planner.foreign.features import Features
from agentmm.planner.foreign.pictures import Pictures
from agentmm.planner.foreign.positions import positions_of
from agentmm.planner.foreign.rendering import Placed, Told
from agentmm.planner.foreign.session import ForeignSession
from agentmm.planner.foreign.steps import Next, Whole
from agentmm.planner.foreign.words import Words, alike, feed
from agentmm.planner.guess import LONGEST, Guesses
from agentmm.planner.sequence import Admitted, Request, Underway, tried
from agentmm.planner.session import Key, Sessions, waits
from agentmm.planner.writing import GREEDY, Completion, Counters, Sampling, Writing

Load = Callable[[str], Any]
"""A medium's hash -> the picture (PIL), or the sound (samples)."""

Begun = tuple[ForeignSession, Any, Next | Whole, Counters]
"""The session, the logits `[V]` after the prompt, how to go on by tokens, and what it cost."""

REPEATED = 2
"""Shortest run of last tokens whose earlier continuation is a guess: words of one token come again and mean nothing."""


class ForeignModel:
    """A model with its sessions.

    Args:
        model: an image-text-to-text model of transformers, in evaluation mode.
        pictures: its processor.
        ends: ids of the tokens that end a completion.
        sessions: where sessions live; None feeds every prompt whole.
        incremental: whether a cache gives what the whole gives; where it does not, each token costs a whole pass.
        features: what the encoder made of earlier pictures; None encodes each picture that is fed.
        together: whether several sequences in one pass give what each gives alone; rigid caches go one by one anyway.
        words: whether new words of several prompts in one pass do, too.
        ahead: whether guesses are fed along, which a model on its own with a cache that can go back must give what each
            token by itself does: what the grammar forces, ...
        copies: ... and what followed the last tokens earlier in the conversation.

    Attributes:
        per_key: most bytes that a position of a sequence took so far.
        abreast: the sequences that go through the model together; None where none do.
    """

    def __init__(
        self,
        model: Any,
        pictures: Pictures,
        ends: Sequence[int],
        sessions: Sessions | None,
        incremental: bool = True,
        features: Features | None = None,
        together: bool = False,
        words: bool = False,
        ahead: bool = False,
        copies: bool = False,
    ) -> None:
        self.features = features
        self._ahead, self._shortest = ahead, REPEATED if copies else LONGEST + 1
        self.model, self.pictures, self.ends = model, pictures, tuple(ends)
        self.sessions, self.incremental = sessions if incremental else None, incremental
        known = inspect.signature(model.forward).parameters
        self.per_key = 0.0
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in known else {}
        self.abreast = Abreast(model, self._last_only) if together and incremental else None
        self._words = words and self.sessions is not None

    def complete(self, told: Told, load: Load, constraint: Any = None, sampling: Sampling = GREEDY) -> Completion:
        """Generate until an end token or the limit.

        Args:
            told: the step's prompt.
            load: brings a picture by its hash; called for those that are fed.
            constraint: an `agentmm.planner.constrain.Constraint`; None allows everything.
            sampling: temperature, limit and seed.
        """
        sequence = self.begin(told, load, constraint, sampling)
        while not sequence.over:
            self.advance([sequence])
        return self.end(sequence)

    @property
    def padded(self) -> bool:
        """Whether each of several sequences takes as much memory as the longest."""
        return self.abreast is not None

    def begin(self, told: Told, load: Load, constraint: Any = None, sampling: Sampling = GREEDY) -> Underway:
        """Feed a prompt and choose the first token; the arguments are those of `complete`."""
        import torch

        began = time.perf_counter()
        with torch.inference_mode():
            begun = (self.fed if self.incremental else self._whole)(told, load)
            return self._underway(Request(told, load, constraint, sampling), begun, began)

    def begin_several(self, requests: Sequence[Request], tokens: float = math.inf) -> list[Admitted]:
        """Feed the new words of several prompts in one pass, and choose the first token of each.

        Only words go together, after what a session holds of each, and of like lengths; a prompt with new media is fed
        alone. Left for a later pass are the others, and prompts that begin as one of this pass does.

        Args:
            requests: what is asked, at least one thing; the first is never left.
            tokens: once so many are to be fed, the rest is left.

        Returns:
            What became of each; errors are those of a prompt that is fed alone.
        """
        import torch

        began, first = time.perf_counter(), requests[0]
        made: list[Admitted] = [None] * len(requests)
        with torch.inference_mode():
            fed = self._worded(requests, tokens) if self._words and len(requests) > 1 else {}
            if len(fed) < 2:
                made[0] = tried(partial(self.begin, first.prompt, first.load, first.constraint, first.sampling))
                return made
            logits = feed(self.model, [words for words, _ in fed.values()], bool(self._last_only))
            begun: dict[int, Begun] = {}
            for (index, (words, positions)), row in zip(fed.items(), logits, strict=True):
                told, count = requests[index].prompt, len(words.ids)
                counters = Counters(count, len(told.ids) - count)
                begun[index] = self._begun(words.session, told, positions, row.cpu(), counters)
            for index, one in begun.items():  # only now does a constraint move: what failed before is begun again
                made[index] = self._underway(requests[index], one, began)
        return made

    def _worded(self, requests: Sequence[Request], tokens: float) -> dict[int, tuple[Words, Any]]:
        """The new words of those requests that go together, the first among them, with the positions of all tokens."""
        assert self.sessions is not None
        found: dict[int, tuple[Words, Any]] = {}
        chosen: list[Sequence[Key]] = []
        for index, request in enumerate(requests):
            told, keys = request.prompt, request.prompt.keys
            session = self.sessions.find(keys)
            known, counts = len(session.keys), [len(words.ids) for words, _ in found.values()]
            plain = 0 < known < len(keys) and not session.rigid and all(one.start < known for one in told.images)
            fits = sum(counts) < tokens and alike([*counts, len(keys) - known]) and not waits(keys, known, chosen)
            if plain and fits:
                positions = positions_of(self.model, told)
                found[index] = Words(session, told.ids[known:], positions[..., known:]), positions
                chosen.append(keys)
            elif not found:
                break  # the first goes alone
        return found

    def _underway(self, request: Request, begun: Begun, began: float) -> Underway:
        """The sequence of a prompt that was fed, with its first token."""
        session, logits, step, counters = begun
        counters.prefill_seconds = time.perf_counter() - began
        if self._ahead and not session.rigid:
            told, end = request.prompt, self.ends[0]  # nothing is guessed from an end on, nor from a picture's tokens
            words = [end if isinstance(key, tuple) else key for key in told.keys]
            step.guesses = Guesses(words, self.ends, self._shortest)
        writing = Writing(request.constraint, request.sampling, self.ends)
        sequence = Underway(request.prompt, session, writing, counters, step, began)
        self.per_key = max(self.per_key, session.per_key)
        sequence.choose(logits.cpu().numpy()[None])
        return sequence

    def advance(self, sequences: Sequence[Underway]) -> None:
        """One step of each sequence; what its constraint raises is kept in its `error`.

        Args:
            sequences: those that are not over.
        """
        import torch

        with torch.inference_mode():
            abreast = [one for one in sequences if self.abreast is not None and not one.session.rigid]
            abreast = abreast if len(abreast) > 1 else []
            for sequence in sequences:
                if not any(sequence is one for one in abreast):
                    self._advance_alone(sequence)
            if abreast:
                self._advance_abreast(abreast)

    def end(self, sequence: Underway) -> Completion:
        """What a sequence that is over came to; its session is kept.

        Raises:
            BaseException: what its constraint raised.
        """
        if self.abreast is not None:
            self.abreast.take_out(sequence.session)
        done = sequence.completed()
        if self.sessions is not None:
            self.sessions.keep(sequence.session)
        return done

    def forget(self, sequence: Underway) -> None:
        """Let a sequence go that nobody waits for any more."""
        if self.abreast is not None:
            self.abreast.forget(sequence.session)

    def _advance_alone(self, sequence: Underway) -> None:
        """A pass of its own over a sequence's last token, with guesses along; what did not come true is forgotten."""
        if self.abreast is not None:
            self.abreast.take_out(sequence.session)
        writing, step = sequence.writing, sequence.running
        written, guessed = writing.result.ids, list[int]()
        if step.guesses is not None:
            guessed = step.guesses.after(written, writing.constraint, writing.room)
        sequence.choose(step.rows([written[-1], *guessed]).cpu().numpy(), guessed)
        if guessed:
            step.keep(len(sequence.prompt.ids) + len(writing.result.ids) - 1)

    def _advance_abreast(self, sequences: Sequence[Underway]) -> None:
        """One pass for several sequences whose caches only grow."""
        assert self.abreast is not None
        fed = [Fed(one.session, one.writing.result.ids[-1], one.running.position()) for one in sequences]
        for sequence, logits in zip(sequences, self.abreast.step(fed), strict=True):
            sequence.choose(logits.cpu().numpy()[None])

    def fed(self, told: Told, load: Load) -> Begun:
        """Feed what no session holds."""
        keys, positions = told.keys, positions_of(self.model, told)
        session = self.sessions.find(keys) if self.sessions is not None else ForeignSession()
        known = len(session.keys)
        counters = Counters(len(keys) - known, known)
        counters.encoder_calls = self._encoded(told, [placed for placed in told.images if placed.start >= known])
        logits = session.logits
        if known < len(keys):
            logits = self.feed(session, told, positions, load)
        return self._begun(session, told, positions, logits, counters)

    def _begun(self, session: ForeignSession, told: Told, positions: Any, logits: Any, counters: Counters) -> Begun:
        """What a prompt that was fed goes on with; others that begin alike find its session, and wait for no end."""
        session.logits, length = None, len(told.ids)
        if self.sessions is not None:
            kept = session.fork(length)
            kept.logits = logits if session.rigid else None
            self.sessions.keep(kept)
        return session, logits, Next(self, session, positions, length), counters

    def feed(self, session: ForeignSession, told: Told, positions: Any, load: Load) -> Any:
        """Feed what a session lacks of a prompt, pictures among it; the logits `[V]` after the last token.

        Where features of pictures are kept, one medium is fed at a time, each with what stands before it.
        """
        new = [placed for placed in told.images if placed.start >= len(session.keys)]
        ends = [placed.end for placed in new[:-1]] if self.features is not None else []
        logits = None
        for end in (*ends, len(told.ids)):
            begin = len(session.keys)
            part = Told(told.ids[:end], [placed for placed in told.images if placed.end <= end], shown=told.shown)
            fresh = [placed for placed in part.images if placed.start >= begin]
            given = self._given(part, fresh, load) | {"position_ids": positions[..., begin:end]}
            logits = self.forward(session, part.ids[begin:], part.keys[begin:], given)[-1]
        return logits

    def _given(self, told: Told, new: Sequence[Placed], load: Load) -> dict[str, Any]:
        """What new media bring: features of a picture where they are kept, else what the processor makes of them."""
        if self.features is None or [placed.picture.kind for placed in new] != ["image"]:
            return self._inputs(told, new, load)
        sha = new[0].sha
        shown = self.features.inputs(
            f"{told.shown}{sha}",
            lambda: {name: self._moved(v) for name, v in self.pictures.inputs([load(sha)]).items()},
        )
        return shown | self._kinds(told)

    def _inputs(self, told: Told, new: Sequence[Any], load: Load) -> dict[str, Any]:
        """Pixels of new pictures, and with them the kinds of all tokens so far."""
        if not new:
            return {}
        given = self.pictures.inputs([load(placed.sha) for placed in new])
        return {name: self._moved(value) for name, value in given.items()} | self._kinds(told)

    def _kinds(self, told: Told) -> dict[str, Any]:
        """The kinds of all tokens, by the processor's names, each `[1, T]`."""
        import torch

        return {name: self._moved(torch.tensor([kinds])) for name, kinds in told.types().items()}

    def _encoded(self, told: Told, new: Sequence[Placed]) -> int:
        """How many of new media meet their encoder: no picture whose features are kept, none a second time."""
        if self.features is None:
            return len(new)
        seen = {f"{told.shown}{placed.sha}" for placed in new if placed.picture.kind == "image"}
        heard = [placed for placed in new if placed.picture.kind != "image"]
        return len([key for key in seen if key not in self.features]) + len(heard)

    def _moved(self, value: Any) -> Any:
        """A tensor, or several, on the model's device; floats in its precision."""
        if isinstance(value, list | tuple):
            return [self._moved(one) for one in value]
        if not hasattr(value, "is_floating_point"):
            return value
        dtype = self.model.dtype if value.is_floating_point() else None
        return value.to(self.model.device, dtype)

    def forward(
        self, session: ForeignSession, ids: Sequence[int], keys: Sequence[Key], given: dict[str, Any], rows: int = 1
    ) -> Any:
        """One pass over new tokens; the session grows.

        Args:
            session: what they follow.
            ids: the tokens.
            keys: theirs, by which the session is found.
            given: what the model is given beside.
            rows: of how many tokens, the last ones, logits are wanted.

        Returns:
            Float32 logits `[rows, V]`.
        """
        import torch

        if session.failed is not None:
            raise session.failed
        row = torch.tensor([list(ids)], device=self.model.device)
        from agentmm.planner.foreign.growing import growing

        wanted = {name: rows for name in self._last_only}
        try:
            out = self.model(input_ids=row, past_key_values=session.cache, use_cache=True, **given, **wanted)
        except Exception as error:
            session.recover(error)
            raise
        session.cache, session.keys = growing(out.past_key_values), [*session.keys, *keys]
        return out.logits[0, -rows:].float()

    def _whole(self, told: Told, load: Load) -> Begun:
        """The library's own pass over everything, again for each token."""
        counters = Counters(len(told.ids), 0)
        counters.encoder_calls = len(told.images)
        logits = self.uncached(told, load, [len(told.ids) - 1])[0]
        return ForeignSession(), logits, Whole(self, told, load), counters

    def uncached(self, told: Told, load: Load, places: Sequence[int]) -> Any:
        """Logits `[len(places), V]` of the library's own forward pass, with no cache and no positions of ours."""
        import torch

        row = torch.tensor([told.ids], device=self.model.device)
        given = self._inputs(told, told.images, load) | {"attention_mask": torch.ones_like(row)}
        at = torch.tensor(places, device=self.model.device)
        if self._last_only:
            return self.model(input_ids=row, use_cache=False, logits_to_keep=at, **given).logits[0].float()
        return self.model(input_ids=row, use_cache=False, **given).logits[0, at].float()
