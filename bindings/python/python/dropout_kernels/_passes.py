"""Passes over tensors, and their derivatives."""

from __future__ import annotations

from math import prod
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.autograd import forward_ad

from . import _native

_ELEMENTS = {
    torch.float32: _native.F32,
    torch.float64: _native.F64,
    torch.float16: _native.F16,
    torch.bfloat16: _native.BF16,
}

_PARALLEL = 1 << 18
"""Elements below which the library uses one thread."""

_MAX_RANK = 8
"""The library's limit for tensors whose elements are not in row-major order."""

Position: TypeAlias = tuple[int, int, int, int]
"""Seed, layer, step and offset: what an `Address` is, as a plain tuple, which is made faster."""

Mask: TypeAlias = tuple[float, Position, int | None]
"""The rate, the address, and the number of leading axes with decisions of their own, which all others share; None for a
decision per element."""


def run(x: Tensor, kind: int, mask: Mask, inplace: bool = False) -> Tensor:
    """A pass without autograd."""
    element = _ELEMENTS.get(x.dtype)
    if element is None:
        raise TypeError(f"a tensor of {x.dtype}: expected one of {', '.join(map(str, _ELEMENTS))}")
    if not x.is_cpu:
        raise RuntimeError(f"a tensor on {x.device}: these modules compute on the CPU. Use those of torch.nn there")
    p, address, own = mask
    axes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...] | None] | None = None
    y = x if inplace else torch.empty_like(x)
    if x.is_neg():
        # A view of complex numbers that has changed its elements' signs only by a flag.
        return y.copy_(run(x.clone(), kind, mask))
    if x.is_contiguous():
        if own is not None:
            decisions = prod(x.shape[:own])
            axes = (decisions, x.numel() // decisions if decisions else 0), (1,), None
    elif x.dim() <= _MAX_RANK and _is_dense(x) and x.stride() == y.stride():
        # Transposed, or with channels last: the result has the same strides.
        axes = x.shape, () if own is None else tuple(range(own, x.dim())), x.stride()
    else:
        # A view with gaps or repeated elements.
        return y.copy_(run(x.contiguous(), kind, mask))
    elements = x.numel()
    threads = torch.get_num_threads() if elements >= _PARALLEL else 1
    _native.run(kind, element, p, address, x.data_ptr(), y.data_ptr(), elements, axes, threads)
    return y


def _is_dense(x: Tensor) -> bool:
    """Whether the elements lie one next to the other, in some order of the axes."""
    expected = 1
    for stride, extent in sorted(zip(x.stride(), x.shape, strict=True)):
        if extent != 1 and stride != expected:
            return False
        expected *= extent
    return True


_BACKWARD = {
    _native.DROPOUT: _native.DROPOUT,
    _native.ALPHA: _native.ALPHA_BACKWARD,
    _native.ALPHA_BACKWARD: _native.ALPHA_BACKWARD,
}
"""The backward pass of each pass. Those of backward passes are themselves: they multiply by a factor per element."""


class _Function(torch.autograd.Function):
    """A pass whose backward pass computes the mask again."""

    # With `setup_context`, which torch.func would need, a short call takes over five times as long.
    @staticmethod
    def forward(ctx: Any, x: Tensor, kind: int, mask: Mask, inplace: bool) -> Tensor:
        ctx.kind, ctx.mask, ctx.inplace = kind, mask, inplace
        if inplace:
            ctx.mark_dirty(x)
        return run(x, kind, mask, inplace)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return apply(grad, _BACKWARD[ctx.kind], ctx.mask), None, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        result = apply(tangent, _BACKWARD[ctx.kind], ctx.mask)
        return tangent.copy_(result) if ctx.inplace else result


def apply(x: Tensor, kind: int, mask: Mask, inplace: bool = False) -> Tensor:
    """A pass, recorded by autograd if that is on."""
    if x.requires_grad and torch.is_grad_enabled():
        if inplace and x.is_leaf:
            raise RuntimeError("a leaf tensor that requires grad cannot be changed in place")
    elif forward_ad._current_level < 0:
        y = run(x, kind, mask, inplace)
        if inplace and not x.is_inference():
            # Whoever has saved x for a backward pass has to notice.
            torch.autograd.graph.increment_version(x)
        return y
    result: Tensor = _Function.apply(x, kind, mask, inplace)
    return result
