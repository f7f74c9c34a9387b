"""Linear layers of a foreign model on the CPU whose weights float16 holds exactly, kept packed in it.

Nearly every published checkpoint is saved in half precision, so half the bits of its float32 weights are zeros:
bringing them from memory is most of a token, and the kernel that reads them as float16 multiplies and adds in float32.
Weights that were saved in bfloat16 reach further down than float16 does; each row times a power of two then fits, and
its sums are divided by it again, which changes no bit of them. Nothing is rounded: what does not fit stays as it is.

A packed layer holds its weights once, in half the memory: they are no parameter meanwhile. Whoever reads `weight` makes
an ordinary layer of it, as `unpack` does, and so does what moves it to another device or precision, trains it or gives
it other weights. Weights that another module shares (an embedding's) are packed beside, and take half as much more.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

LEAST = 2**15
"""Fewest weights of a layer that is packed: below, the kernel's own overhead is more than it gains."""

_LOCK = threading.RLock()  # of turning layers back
_TOP = 15  # a row's largest weight becomes less than two to this power: float16 ends just below 2 ** 16
_LOOKED_AT = 64  # rows by which most layers that do not fit are known
_FURTHEST = 100  # two to this power is the most that a row is multiplied by


class _Held:
    """Weights `[out, in]` in float16, and what to divide sums by.

    Args:
        halves: the weights, each row times a power of two, which float16 holds exactly.
        powers: those of the rows, `[out]`; None where all are 1.
        bias: float32 `[out]` or None.
        learns: whether they are to be trained, were they a parameter.
    """

    def __init__(self, halves: Tensor, powers: Tensor | None, bias: Tensor | None, learns: bool) -> None:
        self.learns = learns
        self.down = None if powers is None else 1 / powers
        self.bias = bias if self.down is not None else None
        self.packed = torch.ops.quantized.linear_prepack_fp16(halves, bias if self.down is None else None)

    def times(self, x: Tensor) -> Tensor:
        """Weights and bias applied to float32 `[.., in]` of two axes at least."""
        y = torch.ops.quantized.linear_dynamic_fp16(x, self.packed)
        if self.down is None:
            return y
        return y.mul_(self.down) if self.bias is None else torch.addcmul(self.bias, y, self.down)

    def weight(self) -> Tensor:
        """The weights in float32."""
        halves = torch.ops.quantized.linear_unpack_fp16(self.packed)[0].float()
        return halves if self.down is None else halves.mul_(self.down[:, None])


class Packed(nn.Linear):
    """A linear layer without a parameter `weight`; `pack` makes it of an ordinary one, `unpack` the other way round.

    Attributes:
        held: the weights.
    """

    held: _Held

    @property
    def weight(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The weights, float32 `[out, in]`: from here on the layer is an ordinary one, so that they may be changed."""
        return unpacked(self).weight

    def forward(self, input: Tensor) -> Tensor:
        """Float32 `[.., in]` to `[.., out]`."""
        if _fits(input):
            return self.held.times(input)
        return linear(input, self.held.weight().to(input.device, input.dtype), self.bias)

    def train(self, mode: bool = True) -> Any:
        """Be an ordinary layer again before it is trained."""
        return (unpacked(self) if mode else super()).train(mode)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Any:
        return unpacked(self)._apply(fn, recurse)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}weight"] = self.held.weight()

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        unpacked(self)._load_from_state_dict(*args, **kwargs)


class Beside(nn.Linear):
    """A linear layer whose weights stand packed beside the parameter, which another module has, too.

    Attributes:
        held: the weights.
        made_of: where the parameter lay when it was packed, and how often it had been changed.
    """

    held: _Held
    made_of: tuple[int, int]

    def forward(self, input: Tensor) -> Tensor:
        """Float32 `[.., in]` to `[.., out]`."""
        if _fits(input) and self.made_of == _version(self.weight):
            return self.held.times(input)
        return linear(input, self.weight, self.bias)


def pack(model: nn.Module, least: int = LEAST) -> int:
    """Pack the linear layers of a model that can be; returns how many.

    Left alone are layers of any other class (adapters, weights in few bits), those that are not in float32 on the CPU,
    and those with weights that float16 does not hold exactly, whatever the power of two.

    Args:
        model: the model, in evaluation mode.
        least: fewest weights of a layer.
    """
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        return 0
    owners = Counter(id(one) for module in model.modules() for one in module.parameters(recurse=False))
    packed = 0
    with torch.inference_mode(False), torch.no_grad():
        for module in list(model.modules()):
            if type(module) is nn.Linear and module.weight.numel() >= least:
                packed += _packed(module, owners[id(module.weight)] > 1)
    return packed


def unpack(model: nn.Module) -> int:
    """Make ordinary layers of all that are packed in a model, with the weights that they had; returns how many."""
    return sum(type(unpacked(layer)) is nn.Linear for layer in list(packed_in(model)))


def packed_in(model: nn.Module) -> Iterator[Packed | Beside]:
    """The packed layers of a model."""
    return (module for module in model.modules() if isinstance(module, (Packed, Beside)))


def unpacked(layer: Packed | Beside) -> nn.Linear:
    """The same layer, an ordinary one again; its weights can be trained if they could before it was packed.

    A model that is to be frozen (`requires_grad_(False)`) must be unpacked before: packed weights are no parameters.
    """
    with _LOCK:
        if not isinstance(layer, (Packed, Beside)):
            return layer  # another thread was first
        held, beside, ordinary = layer.held, isinstance(layer, Beside), _of_class(layer, nn.Linear)
        del layer.held
        if not beside:
            with torch.inference_mode(False), torch.no_grad():  # weights made in that mode can never be trained
                ordinary.weight = nn.Parameter(held.weight(), requires_grad=held.learns)
        return ordinary


def _packed(layer: nn.Linear, shared: bool) -> bool:
    """Pack a layer; False where it stays."""
    weight, bias = layer.weight.detach(), layer.bias.detach() if layer.bias is not None else None
    plain = all(one.dtype == torch.float32 and one.device.type == "cpu" for one in (weight, bias) if one is not None)
    halves, powers = _halves(weight) if plain else (None, None)
    if halves is None:
        return False
    try:
        held = _Held(halves, powers, bias, layer.weight.requires_grad)
    except RuntimeError:  # no such kernel on this processor
        return False
    if shared:
        made = _of_class(layer, Beside)
        made.made_of = _version(layer.weight)
    else:
        del layer.weight
        made = _of_class(layer, Packed)
    made.held = held
    return True


def _halves(weight: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """Weights that float16 holds exactly, and what their rows were multiplied by; none where there are none such."""
    some = weight[:: max(1, len(weight) // _LOOKED_AT)]  # tells most layers apart in no time
    if _holds(some) and _holds(weight):
        return weight, None
    if _holds(some * _powers(some)):
        powers = _powers(weight)
        higher = weight * powers
        if _holds(higher):
            return higher, powers[:, 0]
    return None, None


def _powers(weight: Tensor) -> Tensor:
    """The powers of two `[out, 1]` by which rows use all that float16 reaches."""
    raised = (_TOP - torch.frexp(weight.abs().amax(dim=1)).exponent).clamp(-_FURTHEST, _FURTHEST)
    return torch.ldexp(torch.ones(len(weight), 1), raised[:, None])


def _holds(weight: Tensor) -> bool:
    """Whether float16 holds weights exactly."""
    return torch.equal(weight.half().float(), weight)


def _fits(x: Tensor) -> bool:
    """Whether the kernel takes it: it wants two axes, and knows no gradient."""
    plain = x.dtype == torch.float32 and x.device.type == "cpu" and x.dim() > 1
    return plain and not (x.requires_grad and torch.is_grad_enabled())


def _version(weight: Tensor) -> tuple[int, int]:
    """Where weights lie and how often they were changed."""
    return weight.data_ptr(), 0 if weight.is_inference() else weight._version


def _of_class(layer: Any, kind: type) -> Any:
    """The layer itself, now of another class."""
    layer.__class__ = kind
    return layer
