"""Dropout of NumPy arrays.

All functions take the rate ``p``, the probability of dropping, and an :class:`Address`, which selects the mask: the
same address gives the same mask. They return a new array or, with ``out``, write to that array and return it; ``out=x``
works in place. Training only: evaluation leaves values as they are.

``shared`` lists the axes along which all elements share a decision:

=================================  =====================  ===================
one decision per                   of                     ``shared``
=================================  =====================  ===================
element                            any shape              ``()``
channel                            N x C x H x W          ``(2, 3)``
channel, channels last             N x H x W x C          ``(1, 2)``
sample (stochastic depth)          N x C x H x W          ``(1, 2, 3)``
element, the same at each time     time x N x C           ``(0,)``
=================================  =====================  ===================

Arrays have the machine's byte order; input that is not in C order is copied first. Subclasses of ``ndarray`` come back
as from NumPy's own ufuncs, by ``__array_wrap__``. Masked arrays are refused: pass ``x.filled(0)`` or ``x.data``.

``threads`` is the most threads that may take part. There is one for each 2**17 elements, and never more than 256. It
changes no bit of the result.

Functions raise ``TypeError`` for an argument of a type that they do not take, and ``ValueError`` for one that has no
result, such as a rate above 1 or a negative seed; ``out`` is then as it was.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from . import Address, _native
from ._axes import count_from_zero

__all__ = [
    "Address",
    "alpha_dropout",
    "alpha_dropout_backward",
    "drop_block",
    "dropout",
    "dropout_backward",
    "gaussian_dropout",
    "gaussian_dropout_backward",
    "gaussian_noise",
    "mask",
    "mask_words",
    "quantized_dropout",
]

_F = TypeVar("_F", np.float16, np.float32, np.float64)
_I = TypeVar("_I", np.int8, np.uint8, np.int16)
_A = TypeVar("_A", bound=np.generic)

_FLOATS: dict[np.dtype[Any], int] = {
    np.dtype("f4"): _native.F32,
    np.dtype("f8"): _native.F64,
    np.dtype("f2"): _native.F16,
}
_INTEGERS: dict[np.dtype[Any], int] = {
    np.dtype("i1"): _native.I8,
    np.dtype("u1"): _native.U8,
    np.dtype("i2"): _native.I16,
}


def mask(shape: int | Sequence[int], p: float, address: Address) -> NDArray[np.bool_]:
    """The decisions of a mask in row-major order, True for keep.

    >>> mask(8, 0.5, Address(seed=42)).sum() == 8 - (~mask(8, 0.5, Address(seed=42))).sum()
    np.True_
    """
    for extent in shape if isinstance(shape, Sequence) else [shape]:
        _count("shape", extent)
    keep = np.zeros(shape, np.bool_)
    _native.mask_bools(p, address, keep.size, keep.ctypes.data)
    return keep


def mask_words(decisions: int, p: float, address: Address, *, threads: int = 1) -> NDArray[np.uint32]:
    """The same, packed: decision i is bit i % 32, counted from the least significant, of word i // 32; 1 for keep.

    >>> [f"{word:08X}" for word in mask_words(128, 0.1, Address(seed=42))]
    ['FFEFFFFB', '7FF7FBFB', 'FBFFFFFF', '7F7BFBFF']
    """
    words = np.empty((_count("decisions", decisions) + 31) // 32, np.uint32)
    _native.mask_words(p, address, decisions, words.ctypes.data, threads)
    return words


def dropout(
    x: NDArray[_F],
    p: float,
    address: Address,
    *,
    shared: Sequence[int] = (),
    out: NDArray[_F] | None = None,
    threads: int = 1,
) -> NDArray[_F]:
    """Dropout: dropped elements become +0.0, kept ones are multiplied by 1/(1-p).

    >>> bool(np.isin(dropout(np.ones(100), 0.5, Address(seed=42)), [0, 2]).all())
    True
    """
    return _run(_native.DROPOUT, "x", x, p, address, shared, out, threads)


def dropout_backward(
    grad: NDArray[_F],
    p: float,
    address: Address,
    *,
    shared: Sequence[int] = (),
    out: NDArray[_F] | None = None,
    threads: int = 1,
) -> NDArray[_F]:
    """The gradient with respect to the input of :func:`dropout`, from that with respect to its output."""
    return _run(_native.DROPOUT, "grad", grad, p, address, shared, out, threads)


def alpha_dropout(
    x: NDArray[_F],
    p: float,
    address: Address,
    *,
    shared: Sequence[int] = (),
    out: NDArray[_F] | None = None,
    threads: int = 1,
) -> NDArray[_F]:
    """Alpha dropout, for networks of SELUs: keeps mean 0 and variance 1 (Klambauer et al., NeurIPS 2017)."""
    return _run(_native.ALPHA, "x", x, p, address, shared, out, threads)


def alpha_dropout_backward(
    grad: NDArray[_F],
    p: float,
    address: Address,
    *,
    shared: Sequence[int] = (),
    out: NDArray[_F] | None = None,
    threads: int = 1,
) -> NDArray[_F]:
    """The gradient with respect to the input of :func:`alpha_dropout`, from that with respect to its output."""
    return _run(_native.ALPHA_BACKWARD, "grad", grad, p, address, shared, out, threads)


def gaussian_dropout(
    x: NDArray[_F],
    p: float,
    address: Address,
    *,
    shared: Sequence[int] = (),
    out: NDArray[_F] | None = None,
    threads: int = 1,
) -> NDArray[_F]:
    """Gaussian dropout: multiplies by noise of mean 1 and variance p/(1-p) (Srivastava et al., JMLR 15, 2014)."""
    return _run(_native.GAUSSIAN, "x", x, p, address, shared, out, threads)


def gaussian_dropout_backward(
    grad: NDArray[_F],
    p: float,
    address: Address,
    *,
    shared: Sequence[int] = (),
    out: NDArray[_F] | None = None,
    threads: int = 1,
) -> NDArray[_F]:
    """The gradient with respect to the input of :func:`gaussian_dropout`, from that with respect to its output."""
    return _run(_native.GAUSSIAN, "grad", grad, p, address, shared, out, threads)


def gaussian_noise(
    x: NDArray[_F],
    deviation: float,
    address: Address,
    *,
    shared: Sequence[int] = (),
    out: NDArray[_F] | None = None,
    threads: int = 1,
) -> NDArray[_F]:
    """Adds Gaussian noise of mean 0 and this standard deviation. Its backward pass is the identity."""
    return _run(_native.NOISE, "x", x, deviation, address, shared, out, threads)


def quantized_dropout(
    x: NDArray[_I],
    p: float,
    address: Address,
    *,
    zero_point: int = 0,
    fixed_point_scale: bool = False,
    shared: Sequence[int] = (),
    out: NDArray[_I] | None = None,
    threads: int = 1,
) -> NDArray[_I]:
    """Dropout of quantised values, which stand for ``x - zero_point``: dropped ones become ``zero_point``.

    Kept ones stay as they are, and the caller folds 1/(1-p) into the next requantisation; with ``fixed_point_scale``
    they are scaled in integer arithmetic and saturated. The backward pass is the same function.
    """
    x, y, wrap = _arrays("x", x, out, _INTEGERS)
    element, axes = _INTEGERS[x.dtype], _axes(x, shared)
    _native.quantized(element, p, zero_point, fixed_point_scale, address, *_memory(x, y), x.size, axes, threads)
    return wrap(y)


def drop_block(
    x: NDArray[_F],
    p: float,
    block_size: Sequence[int],
    address: Address,
    *,
    channels_last: bool = False,
    shared_channels: bool = False,
    out: NDArray[_F] | None = None,
    threads: int = 1,
) -> NDArray[_F]:
    """DropBlock: drops patches of feature maps (Ghiasi, Lin and Le, NeurIPS 2018).

    ``x`` has one to three spatial axes: N x C x L, N x C x H x W or N x C x D x H x W, or with ``channels_last``
    N x L x C and so on. ``block_size`` has the extents of a patch, one for each spatial axis. With ``shared_channels``
    all channels of a sample have the same mask.

    Kept values are multiplied by the number of elements divided by that of kept ones.
    The backward pass is the same function.
    """
    x, y, wrap = _arrays("x", x, out, _FLOATS)
    element, place = _FLOATS[x.dtype], _memory(x, y)
    _native.drop_block(
        element, p, block_size, x.shape, channels_last, shared_channels, address, *place, x.size, threads
    )
    return wrap(y)


def _run(
    kind: int,
    name: str,
    x: NDArray[_F],
    value: float,
    address: Address,
    shared: Sequence[int],
    out: NDArray[_F] | None,
    threads: int,
) -> NDArray[_F]:
    x, y, wrap = _arrays(name, x, out, _FLOATS)
    _native.run(kind, _FLOATS[x.dtype], value, address, *_memory(x, y), x.size, _axes(x, shared), threads)
    return wrap(y)


def _arrays(
    name: str, x: NDArray[_A], out: NDArray[_A] | None, elements: dict[np.dtype[Any], int]
) -> tuple[NDArray[_A], NDArray[_A], Callable[[NDArray[_A]], NDArray[_A]]]:
    """Input and output, each in C order, with as many elements of the same type, and what makes the result of the
    output.
    """
    for argument, array in (name, x), ("out", out):
        if isinstance(array, np.ma.MaskedArray):
            raise TypeError(f"{argument} is a masked array, whose mask would be lost: expected its .filled(0) or .data")
    wrap = x.__array_wrap__ if out is None and isinstance(x, np.ndarray) and type(x) is not np.ndarray else _same
    if out is not x:
        x = np.ascontiguousarray(x).reshape(np.shape(x))
    if x.dtype not in elements:
        raise TypeError(f"{name} is an array of {x.dtype}: expected one of {', '.join(map(str, elements))}")
    if out is None:
        return x, np.empty_like(x), wrap
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out is a {type(out).__name__}: expected an array")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ValueError("out is read-only or not in C order: expected an array that can be written to in C order")
    if (out.shape, out.dtype) != (x.shape, x.dtype):
        raise ValueError(f"out is {out.dtype} of shape {out.shape}: expected {x.dtype} of shape {x.shape}")
    return x, out, wrap


def _same(y: NDArray[_A]) -> NDArray[_A]:
    return y


def _memory(x: NDArray[_A], y: NDArray[_A]) -> tuple[int, int]:
    return x.ctypes.data, y.ctypes.data


def _count(name: str, value: int) -> int:
    """An argument that counts something."""
    try:
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} {value!r}: expected an integer") from None
    if value < 0:
        raise ValueError(f"{name} {value}: expected 0 or more")
    return value


def _axes(x: NDArray[_A], shared: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...], None, None] | None:
    axes = count_from_zero(shared, x.ndim)
    return (x.shape, axes, None, None) if axes else None
