"""Functions of a tensor, a rate and an address, with autograd: those of ``dropout_kernels.numpy`` for PyTorch.

The address selects the mask: the same one gives the same mask. ``shared`` lists the axes along which all elements share
a decision. ``part`` is for a shard of a larger tensor: the shape of that one, and where in it the shard begins; a
DTensor knows its own. Training only: evaluation leaves values as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.compiler import is_dynamo_compiling

from .. import Address, _native
from .._axes import count_from_zero
from ._passes import DROP_BLOCK, apply, check_type
from ._place import Place
from ._tracing import dispatch_modes, trace, tracing_state


def dropout(
    x: Tensor,
    p: float,
    address: Address,
    *,
    shared: Sequence[int] = (),
    part: Place | None = None,
    inplace: bool = False,
) -> Tensor:
    """Dropout: dropped elements become +0.0, kept ones are multiplied by 1/(1-p)."""
    return _pass(x, _native.DROPOUT, p, address, _axes(x, shared), part, inplace)


def alpha_dropout(
    x: Tensor,
    p: float,
    address: Address,
    *,
    shared: Sequence[int] = (),
    part: Place | None = None,
    inplace: bool = False,
) -> Tensor:
    """Alpha dropout, for networks of SELUs."""
    return _pass(x, _native.ALPHA, p, address, _axes(x, shared), part, inplace)


def gaussian_dropout(
    x: Tensor,
    p: float,
    address: Address,
    *,
    shared: Sequence[int] = (),
    part: Place | None = None,
    inplace: bool = False,
) -> Tensor:
    """Multiplies by noise of mean 1 and variance p/(1-p)."""
    return _pass(x, _native.GAUSSIAN, p, address, _axes(x, shared), part, inplace)


def gaussian_noise(
    x: Tensor,
    deviation: float,
    address: Address,
    *,
    shared: Sequence[int] = (),
    part: Place | None = None,
    inplace: bool = False,
) -> Tensor:
    """Adds noise of mean 0 and this standard deviation."""
    return _pass(x, _native.NOISE, deviation, address, _axes(x, shared), part, inplace)


def drop_block(
    x: Tensor,
    p: float,
    block_size: Sequence[int],
    address: Address,
    *,
    shared_channels: bool = False,
    inplace: bool = False,
) -> Tensor:
    """DropBlock of N x C and one to three spatial axes, of which each has a ``block_size``."""
    return _pass(x, DROP_BLOCK, p, address, _sizes(block_size, shared_channels), None, inplace)


def _sizes(block_size: Sequence[int], shared_channels: bool) -> tuple[int, ...]:
    try:
        return *block_size, shared_channels
    except TypeError:
        raise TypeError(f"block_size {block_size!r}: expected a sequence of integers") from None


def _axes(x: Tensor, shared: Sequence[int]) -> tuple[int, ...]:
    if type(shared) is tuple and not shared:
        return shared
    check_type(x)
    return count_from_zero(shared, x.dim())


def _pass(
    x: Tensor, kind: int, value: float, address: Address, shared: tuple[int, ...], part: Place | None, inplace: bool
) -> Tensor:
    if is_dynamo_compiling():
        return trace(x, kind, (value, address, shared, part), inplace)
    if type(x) is not Tensor:
        check_type(x)
    mask = value, _native.position(address), shared, part
    traced = dispatch_modes() > 0 or tracing_state() is not None
    return trace(x, kind, mask, inplace) if traced else apply(x, kind, mask, inplace)
