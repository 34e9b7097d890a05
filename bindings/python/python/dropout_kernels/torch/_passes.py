"""Passes over tensors, and their derivatives."""

from __future__ import annotations

from math import prod
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.autograd import forward_ad

from .. import _native
from ._place import Place, is_distributed, on_shards

ELEMENTS = {
    torch.float32: _native.F32,
    torch.float64: _native.F64,
    torch.float16: _native.F16,
    torch.bfloat16: _native.BF16,
}

DROP_BLOCK = _native.NOISE + 1
"""A kind beside those of `_native.run`."""

BACKWARD = {
    _native.DROPOUT: _native.DROPOUT,
    _native.ALPHA: _native.ALPHA_BACKWARD,
    _native.ALPHA_BACKWARD: _native.ALPHA_BACKWARD,
    _native.GAUSSIAN: _native.GAUSSIAN,
    DROP_BLOCK: DROP_BLOCK,
}
"""The backward pass of each pass but NOISE, of which it is the identity. Those of backward passes are themselves: they
multiply by a factor per element."""

_PARALLEL = 1 << 18
"""Elements below which the library uses one thread."""

_MAX_RANK = 8
"""The library's limit of axes."""

_NO_TRANSFORMS = (
    "dropout_kernels takes no tensors of torch.func's transforms, of vmap or of batched gradients: call the modules "
    "and functions of torch.nn there"
)

Position: TypeAlias = tuple[int, int, int, int]
"""Seed, layer, step and offset: what an `Address` is, as a plain tuple, which is made faster."""

_Axes: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...] | None, Place | None]
"""Those of `_native.run`."""

Mask: TypeAlias = tuple[float, Position, tuple[int, ...], Place | None]
"""The rate (of NOISE the deviation); the address; the shared axes (of DROP_BLOCK the block size, and whether channels
share a mask); and the place of a part, or None for a whole."""


def run(x: Tensor, kind: int, mask: Mask, inplace: bool = False) -> Tensor:
    """A pass without autograd."""
    element = ELEMENTS.get(x.dtype)
    if element is None:
        raise TypeError(f"a tensor of {x.dtype}: expected one of {', '.join(map(str, ELEMENTS))}")
    if not x.is_cpu:
        return _elsewhere(x, kind, mask, inplace)
    value, address, shared, place = mask
    y = x if inplace else torch.empty_like(x)
    if x.is_neg():
        # A view of complex numbers that has changed its elements' signs only by a flag.
        return y.copy_(run(x.clone(), kind, mask))
    if kind == DROP_BLOCK:
        return _drop_block(x, y, element, mask)
    axes: _Axes | None = None
    if x.is_contiguous():
        if shared or place is not None:
            axes = _flat(x.shape, shared) if place is None else (x.shape, shared, None, place)
    elif x.dim() <= _MAX_RANK and _is_dense(x) and x.stride() == y.stride():
        # Transposed, or with channels last: the result has the same strides.
        axes = x.shape, shared, x.stride(), place
    else:
        # A view with gaps or repeated elements.
        return y.copy_(run(x.contiguous(), kind, mask))
    elements = x.numel()
    threads = torch.get_num_threads() if elements >= _PARALLEL else 1
    try:
        source, target = x.data_ptr(), y.data_ptr()
    except RuntimeError as error:
        raise RuntimeError(_NO_TRANSFORMS) from error
    _native.run(kind, element, value, address, source, target, elements, axes, threads)
    return y


def _drop_block(x: Tensor, y: Tensor, element: int, mask: Mask) -> Tensor:
    p, address, (*block_size, together), place = mask
    if place is not None:
        raise ValueError("DropBlock of a part of a tensor: expected a whole, as patches reach over borders")
    if not x.is_contiguous():
        # The library numbers the decisions of channels last in their own order, which is another mask.
        return y.copy_(run(x.contiguous(), DROP_BLOCK, mask))
    try:
        memory = x.data_ptr(), y.data_ptr(), x.numel(), torch.get_num_threads()
    except RuntimeError as error:
        raise RuntimeError(_NO_TRANSFORMS) from error
    _native.drop_block(element, p, block_size, x.shape, False, bool(together), address, *memory)
    return y


def _flat(shape: tuple[int, ...], shared: tuple[int, ...]) -> _Axes:
    """The axes of a tensor in row-major order. Those that are shared, if they are the last, become one: there may be
    more than the library takes.
    """
    own = len(shape) - len(shared)
    if shared != tuple(range(own, len(shape))):
        return shape, shared, None, None
    return (prod(shape[:own]), prod(shape[own:])), (1,), None, None


def _is_dense(x: Tensor) -> bool:
    """Whether the elements lie one next to the other, in some order of the axes."""
    expected = 1
    for stride, extent in sorted(zip(x.stride(), x.shape, strict=True)):
        if extent != 1 and stride != expected:
            return False
        expected *= extent
    return True


def _elsewhere(x: Tensor, kind: int, mask: Mask, inplace: bool) -> Tensor:
    """A pass on another device."""
    if x.is_cuda and kind == _native.DROPOUT and not mask[2] and mask[3] is None:
        return on_gpu(x, mask, inplace)
    raise RuntimeError(
        f"a tensor on {x.device}: dropout_kernels computes on the CPU, and by element with Triton on CUDA. Use the "
        "modules and functions of torch.nn there"
    )


def on_gpu(x: Tensor, mask: Mask, inplace: bool) -> Tensor:
    """Dropout by element, with the masks and values of the CPU."""
    try:
        from .. import triton
    except ImportError as error:
        raise RuntimeError(f"a tensor on {x.device}, where dropout_kernels needs Triton: pip install triton") from error
    value, (seed, layer, step, offset), _, _ = mask
    address = triton.Address(seed, layer, step, offset)
    if not x.is_contiguous():
        y = triton.dropout_(x.clone(memory_format=torch.contiguous_format), value, address)
        return (x if inplace else torch.empty_like(x)).copy_(y)
    return triton.dropout_(x, value, address) if inplace else triton.dropout(x, value, address)


class _Function(torch.autograd.Function):
    """A pass whose backward pass computes the mask again."""

    # With `setup_context`, which torch.func would need, a short call takes over five times as long. Each argument takes
    # time too, so all but the tensor are one.
    @staticmethod
    def forward(ctx: Any, x: Tensor, call: tuple[int, Mask, bool]) -> Tensor:
        ctx.call = call
        if call[2]:
            ctx.mark_dirty(x)
        return run(x, *call)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        kind, mask, _ = ctx.call
        return (grad if kind == _native.NOISE else apply(grad, BACKWARD[kind], mask)), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:
        kind, mask, inplace = ctx.call
        result = tangent if kind == _native.NOISE else apply(tangent, BACKWARD[kind], mask)
        return tangent.copy_(result) if inplace else result.view_as(result)


def check_type(x: object) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"input is a {type(x).__name__}: expected a Tensor")
    if x.is_nested:
        raise TypeError("a nested tensor: expected one with a shape. Use torch.nn for it, or its values()")


def apply(x: Tensor, kind: int, mask: Mask, inplace: bool = False) -> Tensor:
    """A pass, recorded by autograd if that is on."""
    if type(x) is not Tensor and is_distributed(x):
        return on_shards(x, lambda shard, place: apply(shard, kind, (*mask[:3], place), inplace))
    if x.requires_grad and torch.is_grad_enabled():
        if inplace and x.is_leaf:
            raise RuntimeError("a leaf tensor that requires grad cannot be changed in place")
    elif forward_ad._current_level < 0:
        if not inplace:
            return run(x, kind, mask)
        if x.is_inference():
            if not torch.is_inference_mode_enabled():
                raise RuntimeError("a tensor made in inference mode cannot be changed in place outside of it")
            return run(x, kind, mask, True)
        run(x, kind, mask, True)
        # Whoever has saved x for a backward pass has to notice.
        torch.autograd.graph.increment_version(x)
        return x
    if torch._C._functorch.peek_interpreter_stack() is not None:
        raise RuntimeError(_NO_TRANSFORMS)
    result: Tensor = _Function.apply(x, (kind, mask, inplace))
    return result
