"""The mask contract on a GPU: masks, and dropout of float32, bfloat16 and float16, in Triton.

The masks and the values are those of the CPU, bit for bit. :mod:`dropout_kernels.torch` calls this for CUDA tensors;
the functions here take tensors without autograd. The contract itself is in ``src/mask/contract.md`` of the crate.
"""

# Kernels are no Python, and Triton has no types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, attr-defined"

from __future__ import annotations

from fractions import Fraction
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from . import Address, _native

__all__ = ["Address", "dropout", "dropout_", "mask"]

_BLOCK = 128
"""Decisions of a block."""

_BLOCKS = 8
"""Blocks of a program: 1,024 elements."""

TYPES = torch.float32, torch.bfloat16, torch.float16


@triton.jit
def _call(block, domain: tl.constexpr, k, seed_low, seed_high, layer, step):
    """The four words of a call of Philox4x32-10, for each block."""
    c0 = (block & 0xFFFFFFFF).to(tl.uint32)
    c1 = (block >> 32).to(tl.uint32) | (domain << 25) | (k << 27).to(tl.uint32)
    zero = tl.zeros_like(c0)
    c2, c3 = zero + layer, zero + step
    k0, k1 = zero + seed_low, zero + seed_high
    for _ in tl.static_range(10):
        a, c = c0, c2
        c0 = tl.umulhi(c, zero + 0xCD9E8D57) ^ c1 ^ k0
        c1 = c * 0xCD9E8D57
        c2 = tl.umulhi(a, zero + 0xD2511F53) ^ c3 ^ k1
        c3 = a * 0xD2511F53
        k0 += 0x9E3779B9
        k1 += 0xBB67AE85
    return c0, c1, c2, c3


@triton.jit
def _word(words, number):
    """Of four words of each block, the one of each decision."""
    w0, w1, w2, w3 = words
    low = tl.where(number == 0, w0[:, None], w1[:, None])
    high = tl.where(number == 2, w2[:, None], w3[:, None])
    return tl.where(number < 2, low, high)


@triton.jit
def _keep(block, threshold_nibble, threshold_bytes, seed_low, seed_high, layer, step):
    """The decisions of some blocks, one block a row: whether U is at least 16 T, from the leading bits on."""
    lane = tl.arange(0, 128)[None, :]
    nibble = tl.zeros((block.shape[0], 128), tl.uint32)
    for number in tl.static_range(4):
        plane = _word(_call(block, 0, tl.full((), number, tl.uint32), seed_low, seed_high, layer, step), lane >> 5)
        nibble = nibble << 1 | plane >> (lane & 31).to(tl.uint32) & 1
    keep = nibble > threshold_nibble
    # Only decisions whose nibble is that of the threshold need bytes, of which a block has a sixteenth.
    tie = nibble == threshold_nibble
    rank = tl.cumsum(tie.to(tl.int32), axis=1) - 1
    rest = threshold_bytes
    level = 0
    while rest != 0:
        byte = tl.zeros_like(nibble)
        last = tl.max(tl.max(tl.where(tie, rank, -1), axis=1), axis=0)
        part = 0
        while part * 16 <= last:
            k = (level * 8 + part).to(tl.uint32)
            word = _word(_call(block, 2, k, seed_low, seed_high, layer, step), rank >> 2 & 3)
            byte = tl.where(rank >> 4 == part, word >> ((rank & 3) * 8).to(tl.uint32) & 255, byte)
            part += 1
        keep = keep | tie & (byte > rest >> 24)
        tie = tie & (byte == rest >> 24)
        rest = rest << 8
        level += 1
    # What ties with all of the threshold that is not zero is at least the threshold.
    return keep | tie


@triton.jit
def _to_nearest_bfloat16(value):
    """Rounded to the nearest, ties to even, as a float32: Triton's interpreter would cut bits off."""
    bits = value.to(tl.uint32, bitcast=True)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1) & 0xFFFF0000).to(tl.float32, bitcast=True)
    return tl.where(value == value, rounded, value)


# Compiled once, whatever the numbers are: their types are given, and no value of theirs is special.
_NUMBERS = [
    "n", "first", "skip", "threshold_nibble", "threshold_bytes", "scale", "seed_low", "seed_high", "layer", "step"
]  # fmt: skip


@triton.jit(do_not_specialize=_NUMBERS)
def _kernel(
    x,
    y,
    n: tl.int64,
    first: tl.int64,
    skip: tl.int32,
    threshold_nibble: tl.uint32,
    threshold_bytes: tl.uint32,
    scale: tl.float32,
    seed_low: tl.uint32,
    seed_high: tl.uint32,
    layer: tl.uint32,
    step: tl.uint32,
    BLOCKS: tl.constexpr,
    DECISIONS: tl.constexpr,
):
    """Dropout of elements, or with DECISIONS their decisions."""
    row = tl.program_id(0).to(tl.int64) * BLOCKS + tl.arange(0, BLOCKS)
    index = row[:, None] * 128 + tl.arange(0, 128)[None, :] - skip
    inside = (index >= 0) & (index < n)
    block = (first + row).to(tl.uint64)
    keep = _keep(
        block,
        threshold_nibble.to(tl.uint32),
        threshold_bytes.to(tl.uint32),
        seed_low.to(tl.uint32),
        seed_high.to(tl.uint32),
        layer.to(tl.uint32),
        step.to(tl.uint32),
    )
    if DECISIONS:
        tl.store(y + index, keep, mask=inside)
    else:
        value = tl.load(x + index, mask=inside & keep, other=0.0).to(tl.float32)
        # One product, rounded to the type; dropped values are +0.0, whatever they were.
        value = tl.where(keep, value * scale, 0.0)
        if y.dtype.element_ty == tl.bfloat16:
            value = _to_nearest_bfloat16(value)
        tl.store(y + index, value.to(y.dtype.element_ty), mask=inside)


def mask(decisions: int, p: float, address: Address, *, device: str | torch.device = "cuda") -> Tensor:
    """The first decisions of a mask, True for keep."""
    keep = torch.empty(decisions, dtype=torch.bool, device=device)
    _launch(keep, keep, p, address, decisions_only=True)
    return keep


def dropout(x: Tensor, p: float, address: Address) -> Tensor:
    """Dropout of a dense tensor in row-major order; the backward pass is the same function of the gradient."""
    return _launch(x, torch.empty_like(x), p, address)


def dropout_(x: Tensor, p: float, address: Address) -> Tensor:
    """The same in place."""
    return _launch(x, x, p, address)


def _launch(x: Tensor, y: Tensor, p: float, address: Address, decisions_only: bool = False) -> Tensor:
    seed, layer, step, offset = _native.position(address)
    n = x.numel()
    if not 0 <= p <= 1:
        raise ValueError(f"rate p = {p}: expected a probability from 0 to 1")
    if not decisions_only and x.dtype not in TYPES:
        raise TypeError(f"a tensor of {x.dtype}: expected one of {', '.join(map(str, TYPES))}")
    if not x.is_contiguous():
        raise ValueError("a tensor that is not in row-major order: expected one that is")
    if offset + n > 2**64:
        raise ValueError(f"{n} decisions from offset {offset} reach past logical index 2^64")
    if x.is_cuda and torch.cuda.is_current_stream_capturing():
        raise RuntimeError("a CUDA graph would repeat one mask: expected a call outside of its capture")
    threshold = round(Fraction(p) * 2**32)
    if threshold == 2**32:
        return y.zero_()
    if n == 0:
        return y
    skip = offset % _BLOCK
    # In f64, rounded once.
    scale = float(torch.tensor(2**32 / (2**32 - threshold), dtype=torch.float64).to(torch.float32))
    numbers = n, offset // _BLOCK, skip, threshold >> 28, threshold << 4 & 0xFFFFFFFF, scale
    words = seed & 0xFFFFFFFF, seed >> 32, layer, step
    grid = (triton.cdiv(skip + n, _BLOCK * _BLOCKS),)
    kernel: Any = _kernel
    with torch.cuda.device_of(x):
        kernel[grid](x, y, *numbers, *words, BLOCKS=_BLOCKS, DECISIONS=decisions_only)
    return y
