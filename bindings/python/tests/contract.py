"""The mask contract in NumPy, written from `src/mask/contract.md` alone: no code of the library was consulted.

A proof that the document is complete, and the oracle of the other tests.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dropout_kernels import Address

U64 = NDArray[np.uint64]
LOW = np.uint64(0xFFFFFFFF)
PLANES, NOISE, TIES = 0, 1, 2


def call(address: Address, block: U64, domain: int, k: U64) -> U64:
    """The four words of each of many calls, along a last axis."""
    block, k = np.broadcast_arrays(block, k)
    a = block & LOW
    b = block >> np.uint64(32) | np.uint64(domain << 25) | k << np.uint64(27)
    c, d = (np.full_like(block, word) for word in (address.layer, address.step))
    k0, k1 = np.uint64(address.seed & 0xFFFFFFFF), np.uint64(address.seed >> 32)
    for _ in range(10):
        of_a, of_c = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b, c, d = of_c >> np.uint64(32) ^ b ^ k0, of_c & LOW, of_a >> np.uint64(32) ^ d ^ k1, of_a & LOW
        k0, k1 = k0 + np.uint64(0x9E3779B9) & LOW, k1 + np.uint64(0xBB67AE85) & LOW
    return np.stack([a, b, c, d], -1)


def uniforms_of_blocks(address: Address, block: U64) -> U64:
    """The integer U of each decision of many blocks, 128 along a last axis."""
    bit = np.arange(32, dtype=np.uint64)
    nibble = np.zeros((len(block), 128), np.uint64)
    for k in range(4):
        words = call(address, block, PLANES, np.uint64(k))
        plane = words[:, :, None] >> bit & np.uint64(1)
        nibble |= plane.reshape(nibble.shape) << np.uint64(3 - k)

    rank = np.empty(nibble.shape, np.int64)
    for value in range(16):
        same = nibble == value
        rank[same] = (np.cumsum(same, axis=1) - 1)[same]

    uniform = nibble
    for level in range(4):
        # The bytes of eight calls, one behind the other: byte r is byte r % 16 of call r / 16.
        k = np.arange(8 * level, 8 * level + 8, dtype=np.uint64)
        words = call(address, block[:, None], TIES, k)
        bytes_ = words.astype("<u4").view(np.uint8).reshape(len(block), 128)
        uniform = uniform << np.uint64(8) | np.take_along_axis(bytes_, rank, axis=1)
    return uniform


def threshold(p: float) -> int:
    return round(Fraction(p) * 2**32)


def uniforms(address: Address, decisions: int) -> U64:
    """The integer U of so many decisions from the address's offset on."""
    first, last = address.offset // 128, (address.offset + decisions + 127) // 128
    # Some blocks at a time, which fit the cache.
    starts = range(first, last, 1024)
    blocks = [np.array(range(start, min(start + 1024, last)), np.uint64) for start in starts]
    tensor = np.concatenate(
        [uniforms_of_blocks(address, block).ravel() for block in blocks] or [np.zeros(0, np.uint64)]
    )
    skip = address.offset % 128
    return tensor[skip : skip + decisions]


def keep(address: Address, p: float, decisions: int) -> NDArray[np.bool_]:
    """The keep bits of so many decisions from the address's offset on."""
    return uniforms(address, decisions) >= 16 * threshold(p)


def noise(address: Address, values: int) -> U64:
    """The integers behind so many values of noise from the address's offset on."""
    index = np.array(range(address.offset, address.offset + values), np.uint64)
    words = call(address, index >> np.uint64(7), NOISE, index >> np.uint64(2) & np.uint64(31))
    return words[np.arange(values), (index & np.uint64(3)).astype(np.int64)]


def scale(p: float) -> float:
    """The factor of kept elements, before it is rounded to their type."""
    return 2.0**32 / (2**32 - threshold(p))
