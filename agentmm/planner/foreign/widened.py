"""A model in half precision that computes in float32 for a while, to tell what rounding does from what is wrong.

Its weights are widened part by part: the first ones that fit in `KEPT` bytes at once, all others each time that they
are called and only until they return. So no second model is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

HALF = ("torch.bfloat16", "torch.float16")
"""Precisions that this is for."""

KEPT = 2**30
"""Bytes of widened weights that stay until the end."""

_FIRST = "agentmm_first"
"""A weight without numbers, which comes before all others."""


def in_half(model: Any) -> bool:
    """Whether a model computes in half precision; weights of few bits are another matter."""
    return str(model.dtype) in HALF and not getattr(model, "is_quantized", False)


@contextmanager
def in_float32(model: Any) -> Iterator[None]:
    """Let a model's weights, and what meets them, be float32.

    Of a list of layers each is widened as a whole, so that one part that asks for another's precision is told float32;
    all else part by part. What a model rounds to half precision outside of them stays rounded.

    Args:
        model: whose weights are in half precision; afterwards they are the very same tensors. Nobody else may use it
            meanwhile.
    """
    import torch

    lent, hooks = _Lent(), list[Any]()
    precise, rounded = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")  # else a product of float32 matrices may be rounded on a GPU
    torch.backends.cudnn.allow_tf32 = False  # nor a convolution
    try:
        for unit, parts in _units(model):
            owners = [owner for part in parts for owner in (part._parameters, part._buffers)]
            held = [owner for owner in owners if any(map(_narrow, owner.values()))]
            if held:
                lent.keep(unit, held)
                hooks.append(unit.register_forward_pre_hook(partial(_widen, lent, held), with_kwargs=True))
                hooks.append(unit.register_forward_hook(lent.back))
        _tell(model)
        yield
    finally:
        torch.set_float32_matmul_precision(precise)
        torch.backends.cudnn.allow_tf32 = rounded
        for module in model.modules():
            module._parameters.pop(_FIRST, None)
        for hook in hooks:
            hook.remove()
        lent.all_back()


def _tell(model: Any) -> None:
    """Let each part that asks itself for its precision, which is that of its first weight, be told float32."""
    import torch

    for module in model.modules():
        if isinstance(getattr(type(module), "dtype", None), property):
            owner, rest = module._parameters, dict(module._parameters)
            owner.clear()
            owner[_FIRST] = torch.nn.Parameter(torch.empty(0, device=module.device), requires_grad=False)
            owner.update(rest)


def _units(model: Any) -> Iterator[tuple[Any, list[Any]]]:
    """What is widened at once: (a module, all that is widened with it)."""
    from torch.nn import ModuleList

    within: set[int] = set()
    for module in model.modules():
        if id(module) in within:
            continue
        if isinstance(module, ModuleList):
            for layer in module:
                yield layer, list(layer.modules())
            within |= {id(part) for part in module.modules()}
        else:
            yield module, [module]


def _widen(
    lent: _Lent, held: list[dict[str, Any]], unit: Any, args: tuple[Any, ...], given: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What is called before a part; returns what it is given, widened."""
    lent.take(unit, held)
    return tuple(map(_wide, args)), {name: _wide(value) for name, value in given.items()}


class _Lent:
    """Weights in whose places wider ones stand."""

    def __init__(self) -> None:
        self._taken: dict[int, list[tuple[dict[str, Any], str, Any]]] = {}
        self._kept: set[int] = set()
        self._bytes = 0

    def take(self, unit: Any, held: list[dict[str, Any]]) -> None:
        """Widen what a part holds."""
        from torch.nn import Parameter

        if id(unit) in self._taken:
            return  # it stays
        taken = [(owner, name, value) for owner in held for name, value in owner.items() if _narrow(value)]
        self._taken[id(unit)] = taken
        for owner, name, value in taken:
            wide = value.detach().float()
            owner[name] = Parameter(wide, requires_grad=False) if isinstance(value, Parameter) else wide

    def keep(self, unit: Any, held: list[dict[str, Any]]) -> None:
        """Widen what a part holds until the end, if there is room.

        That is before the first pass, for some ask a part for its precision before they call it: then and later they
        must be told the same.
        """
        size = sum(4 * value.numel() for owner in held for value in owner.values() if _narrow(value))
        if self._bytes + size <= KEPT:
            self._bytes += size
            self._kept.add(id(unit))
            self.take(unit, held)

    def back(self, unit: Any, *_: Any) -> None:
        """Put a part's weights back, unless they are among those that stay."""
        if id(unit) not in self._kept:
            _give_back(self._taken.pop(id(unit), []))

    def all_back(self) -> None:
        """Put all weights back, also those of parts that raised."""
        for taken in self._taken.values():
            _give_back(taken)


def _give_back(taken: list[tuple[dict[str, Any], str, Any]]) -> None:
    """Put weights back where they were."""
    for owner, name, value in taken:
        owner[name] = value


def _narrow(value: Any) -> bool:
    """Whether something is a tensor in half precision."""
    return str(getattr(value, "dtype", None)) in HALF


def _wide(value: Any) -> Any:
    """What a part is given, in float32 where it was in half precision."""
    if isinstance(value, tuple | list):
        return type(value)(map(_wide, value)) if type(value) in (tuple, list) else value
    return value.float() if _narrow(value) else value
