"""A model in half precision that computes in float32 for a while, to tell what rounding does from what is wrong.

Its weights are widened part by part, each when it is called and only until it returns: no second model is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HALF = ("torch.bfloat16", "torch.float16")
"""Precisions that this is for."""

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

    lent: dict[int, list[tuple[dict[str, Any], str, Any]]] = {}
    hooks: list[Any] = []
    precise = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")  # else a product of float32 matrices may be rounded on a GPU
    try:
        for unit, parts in _units(model):
            owners = [owner for part in parts for owner in (part._parameters, part._buffers)]
            held = [owner for owner in owners if any(map(_narrow, owner.values()))]
            if held:
                hooks.append(unit.register_forward_pre_hook(_widener(lent, id(unit), held), with_kwargs=True))
                hooks.append(unit.register_forward_hook(lambda unit, *_: _give_back(lent.pop(id(unit), []))))
        _tell(model)
        yield
    finally:
        torch.set_float32_matmul_precision(precise)
        for module in model.modules():
            module._parameters.pop(_FIRST, None)
        for hook in hooks:
            hook.remove()
        for taken in lent.values():  # of parts that raised
            _give_back(taken)


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


def _widener(lent: dict[int, list[tuple[dict[str, Any], str, Any]]], key: int, held: list[dict[str, Any]]) -> Any:
    """What is called before a module."""

    def widen(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        from torch.nn import Parameter

        if key not in lent:
            lent[key] = [(owner, name, value) for owner in held for name, value in owner.items() if _narrow(value)]
            for owner, name, value in lent[key]:
                wide = value.detach().float()
                owner[name] = Parameter(wide, requires_grad=False) if isinstance(value, Parameter) else wide
        return tuple(map(_wide, args)), {name: _wide(value) for name, value in given.items()}

    return widen


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
