"""Steps on a GPU: one pass over the last tokens of several sequences, recorded once as a CUDA graph and then replayed.

There a step waits for Python and for the launch of some thirty small kernels a layer, not for arithmetic. A graph is
launched as one; its shapes and addresses are fixed, so keys and values of all sequences stand in one buffer, a row
each, and what a pass reads is rounded up: rows to a power of two, tokens of a sequence to 1 or 8 (fewer where there are
many sequences), positions to 512 times a power of two. What was filled up is masked, or stands behind what counts and
is written over. While a pass runs, the processor is free for what can be known of its logits beforehand.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import embedding, linear, scaled_dot_product_attention, silu

if TYPE_CHECKING:
    from agentmm.model.steps import Matrix, Running, Steps

TOKENS = (1, 8)
"""Tokens of a sequence that one pass may feed: alone, or with guesses."""

WORTH = 128
"""So many tokens in one pass wait for the memory as one does; of more, a GPU waits for its own arithmetic."""

POSITIONS = 512
"""Positions are read in as many, or twice as many, and so on."""

_WARM = 2  # passes before one is recorded: libraries choose their kernels and take their memory in them


class _Recorded(NamedTuple):
    """A pass of one shape.

    Attributes:
        given: [B, 1 + T], how many tokens were fed before, and the new ones.
        made: what it works out, logits [B, T, V] and their scales [B, T, 2].
        host: where that is brought to, in the processor's memory.
        replay: works it out.
    """

    given: Tensor
    made: tuple[Tensor, Tensor]
    host: tuple[Tensor, Tensor]
    replay: Callable[[], None]


class Rows(NamedTuple):
    """Logits of one sequence, in the processor's memory; they last until the next step.

    Attributes:
        logits: float32 [T, V].
        scales: float64 [T, 2], the largest of each row, and the logarithm of the sum of exp(logit - largest).
    """

    logits: np.ndarray
    scales: np.ndarray


class Captured:
    """Takes the steps of many sequences through one decoder.

    Args:
        steps: the decoder's rearranged weights.
        fused: whether pieces between the matrices are compiled to kernels of their own.

    Attributes:
        recordings: how many passes were recorded so far, those that had to be again among them.
    """

    def __init__(self, steps: Steps, fused: bool = False) -> None:
        self.steps, self.fused = steps, fused
        self._rows: WeakKeyDictionary[Running, int] = WeakKeyDictionary()
        self._buffer = steps.roomy([], 0)[:, :, None]
        self._recorded: dict[tuple[int, int, int], _Recorded] = {}
        self.recordings = 0
        self._count = torch.arange(0, device=steps.last.device)
        self._lock = threading.Lock()
        root, heads = len(steps.last) ** 0.5, steps.width**0.5
        self._norms = [(one.before / root, one.between / root, one.heads / heads) for one in steps.layers]
        self._last = steps.last / root

    @property
    def most(self) -> int:
        """Most tokens of a sequence in one pass."""
        return TOKENS[-1]

    def worth(self, count: int) -> int:
        """Most tokens of each of so many sequences that are fed in little more time than one: 1 to `most`."""
        return max(1, min(self.most, WORTH // _power(count, 1)))

    @property
    def recorded(self) -> list[tuple[int, int, int]]:
        """Shapes of the passes that were recorded: sequences, tokens of each, positions."""
        return list(self._recorded)

    def step(self, fed: Sequence[tuple[Running, Sequence[int]]]) -> list[Tensor]:
        """Feed sequences their next tokens, at most `most` each.

        Returns:
            For each the logits [T, V] after its tokens, in the processor's memory; they last until the next step.
        """
        return [torch.from_numpy(rows.logits) for rows in self.rows(fed)]

    def rows(
        self, fed: Sequence[tuple[Running, Sequence[int]]], meanwhile: Callable[[], object] = lambda: None
    ) -> list[Rows]:
        """`step`, with the scales of the logits; `meanwhile` is called while they are worked out."""
        with self._lock:
            return self._step(fed, meanwhile)

    def _step(self, fed: Sequence[tuple[Running, Sequence[int]]], meanwhile: Callable[[], object]) -> list[Rows]:
        self._place([running for running, _ in fed])
        lines, own = dict(self._rows.items()), [self._rows[running] for running, _ in fed]
        wide, longest = _power(max(own) + 1, 1), max(len(tokens) for _, tokens in fed)
        width = next(count for count in sorted({*TOKENS, self.worth(wide)}) if longest <= count)
        given = [[0] * (1 + width) for _ in range(wide)]
        for running, row in lines.items():  # of those that wait, what follows their tokens may be written over
            if row < wide:
                given[row][0] = running.length
        for row, (_, tokens) in zip(own, fed, strict=True):
            given[row][1 : 1 + len(tokens)] = tokens
        length = _power(max(line[0] for line in given) + width, POSITIONS)
        made = self._made(torch.tensor(given), min(length, self._buffer.shape[4]), meanwhile)
        logits, scales = (part.numpy() for part in made)
        for running, tokens in fed:
            running.length += len(tokens)
        return [
            Rows(logits[row, : len(tokens)], scales[row, : len(tokens)])
            for row, (_, tokens) in zip(own, fed, strict=True)
        ]

    def _place(self, fed: Sequence[Running]) -> None:
        """Give each sequence a row of the buffer, low ones, so that few rows are worked through."""
        needed = max((running.capacity + self.most for running in fed if running not in self._rows), default=0)
        rows = len({*self._rows, *fed})
        if needed > self._buffer.shape[4] or rows > self._buffer.shape[2]:
            self._grow(_power(rows, 1), _power(needed, POSITIONS))
        few, taken = _power(len(fed), 1), set(self._rows.values())
        for running in fed:
            row = self._rows.get(running)
            if row is not None and row < few:
                continue
            free = next(free for free in range(len(taken) + 1) if free not in taken)
            if row is None or free < few:
                running.move(self._buffer[:, :, free])
                self._rows[running] = free
                taken = taken - {row} | {free}

    def _grow(self, rows: int, length: int) -> None:
        """A larger buffer; sequences move, and what was recorded is recorded anew when it is needed."""
        old, shape = self._buffer.shape, list(self._buffer.shape)
        shape[2], shape[4] = max(rows, old[2]), max(length, old[4])
        self._recorded.clear()
        self._buffer = self._buffer.new_zeros(shape)  # a number that is none, even masked, would spoil a sum
        self._count = torch.arange(shape[4], device=self._buffer.device)
        for running, row in self._rows.items():
            running.move(self._buffer[:, :, row])

    def _made(self, given: Tensor, length: int, meanwhile: Callable[[], object]) -> tuple[Tensor, Tensor]:
        """Logits [B, T, V] after tokens and their scales, brought here; shapes that are new are recorded."""
        shape = len(given), given.shape[1] - 1, length
        if not self._buffer.is_cuda:
            meanwhile()
            return _scaled(self.work(given, length))
        with torch.cuda.device(self._buffer.device):
            known = self._recorded.get(shape)
            if known is None:
                known = self._recorded[shape] = self._record(given.to(self._buffer.device), length)
            known.given.copy_(given)
            known.replay()
            for made, host in zip(known.made, known.host, strict=True):
                host.copy_(made, non_blocking=True)
            try:
                meanwhile()
            finally:
                torch.cuda.current_stream().synchronize()
            return known.host

    def _record(self, given: Tensor, length: int) -> _Recorded:
        """Record a pass; the ones before it already write what it writes, which changes nothing.

        Each has memory of its own: a pool that its graphs have left, as when the buffer grows, cannot be used again.
        """
        self.recordings += 1
        graph, side = torch.cuda.CUDAGraph(), torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with kernels(True):
            with torch.cuda.stream(side):
                for _ in range(_WARM):
                    _scaled(self.work(given, length))
            torch.cuda.current_stream().wait_stream(side)
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                made = _scaled(self.work(given, length))
        logits, scales = (torch.empty(part.shape, dtype=part.dtype, pin_memory=True) for part in made)
        return _Recorded(given, made, (logits, scales), graph.replay)

    def work(self, given: Tensor, length: int) -> Tensor:
        """What is recorded: the pass itself.

        Args:
            given: tokens fed before and new tokens, int64 [B, 1 + T], of the first B rows.
            length: positions that are read; no new token stands behind them.

        Returns:
            Float32 logits [B, T, V].
        """
        own, (before, tokens) = self.steps, (given[:, :1], given[:, 1:])
        (rows, width), share = tokens.shape, own.heads // own.groups
        at = before + self._count[:width]
        places, lines = at.clamp(max=len(own.turns[0]) - 1), self._count[:rows, None]
        cos, sin = (part[places].flatten(0, 1) for part in own.turns)
        behind = self._count[:length] > at[:, :, None, None].expand(-1, -1, share, -1).reshape(rows, 1, -1, 1)
        mask = torch.zeros(behind.shape, device=at.device, dtype=own.precision).masked_fill(behind, -torch.inf)
        added, turned, gated = _pieces(self.fused)
        stream, more = embedding(tokens.flatten(), own.embeddings).float(), None
        for index, (layer, norms) in enumerate(zip(own.layers, self._norms, strict=True)):
            stream, normed = added(stream, more, norms[0], own.eps, own.precision)
            qkv = _times(layer.qkv, normed).view(rows * width, -1, own.width)
            both = turned(qkv, norms[2], cos, sin, own.eps, own.precision).view(rows, width, -1, own.width)
            buffer = self._buffer[index, :, :rows]
            new = both[:, :, own.heads :].view(rows, width, 2, own.groups, own.width)
            buffer.permute(1, 3, 0, 2, 4)[lines, at] = new
            seen = attended(both[:, :, : own.heads], buffer[0, :, :, :length], buffer[1, :, :, :length], mask)
            stream, normed = added(stream, _times(layer.out, seen), norms[1], own.eps, own.precision)
            more = _times(layer.down, gated(_times(layer.gate_up, normed)))
        _, normed = added(stream, more, self._last, own.eps, own.precision)
        return _times(own.head, normed).float().view(rows, width, -1)


def kernels(on_gpu: bool) -> Any:
    """A context in which attention is worked out by kernels that need no plan for each new shape."""
    return sdpa_kernel([SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]) if on_gpu else nullcontext()


def attended(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Attention of queries [B, T, H, W], those of a group side by side, so that no key is copied: [B T, H W].

    Args:
        queries: H / G of them share a group.
        keys: [B, G, S, W], as the values.
        values: of the keys.
        mask: for the H / G queries of each token [.., T H / G, S]; None where all is seen.
    """
    (rows, width, heads, size), groups = queries.shape, keys.shape[1]
    beside = queries.reshape(rows, width, groups, -1, size).transpose(1, 2).reshape(rows, groups, -1, size)
    seen = scaled_dot_product_attention(beside, keys, values, mask)
    return seen.view(rows, groups, width, -1, size).transpose(1, 2).reshape(rows * width, heads * size)


def _scaled(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Float32 logits [B, T, V] with the scale of each row, float64 [B, T, 2]."""
    top = logits.amax(-1, keepdim=True)
    return logits, torch.cat((top.double(), (logits - top).double().exp().sum(-1, keepdim=True).log()), -1)


def _power(count: int, unit: int) -> int:
    """The smallest of unit, 2 unit, 4 unit, ... that holds so many: 5 in units of 2 -> 8."""
    return unit << max(0, -(-count // unit) - 1).bit_length()


def _times(matrix: Matrix, x: Tensor) -> Tensor:
    """A product in the precision of the weights, where these are at hand: what follows makes float32 of it itself."""
    weight = getattr(matrix, "keywords", {}).get("weight")
    return matrix(x) if weight is None else linear(x, weight)


def _added(
    stream: Tensor, more: Tensor | None, weight: Tensor, eps: float, precision: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The stream [N, D] with what a layer adds, and its RMSNorm in a precision."""
    stream = stream if more is None else stream + more
    return stream, torch.rms_norm(stream, weight.shape, weight, eps).to(precision)


def _turned(qkv: Tensor, norms: Tensor, cos: Tensor, sin: Tensor, eps: float, precision: torch.dtype) -> Tensor:
    """Queries and keys in [N, H + 2 G, W] normed and turned by their positions, values as they are, in a precision."""
    heads, width = norms.shape
    part = torch.rms_norm(qkv[:, :heads].float(), (width,), None, eps) * norms
    part = part * cos + part.roll(width // 2, 2) * sin
    return torch.cat((part.to(precision), qkv[:, heads:].to(precision)), dim=1)


def _gated(pair: Tensor) -> Tensor:
    """[N, 2 F] -> [N, F] in the same precision."""
    gate, up = pair.float().chunk(2, dim=1)
    return (silu(gate) * up).to(pair.dtype)


@lru_cache(maxsize=2)
def _pieces(fused: bool) -> tuple[Callable[..., Any], ...]:
    """What stands between the matrices, plain or compiled."""
    pieces = (_added, _turned, _gated)
    return tuple(torch.compile(piece, dynamic=True) for piece in pieces) if fused else pieces
