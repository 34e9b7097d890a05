"""The native half: flat functions on addresses of memory. They trust their callers, which are the modules beside.

``element`` is F32 to I16, ``kind`` is DROPOUT to NOISE, ``x`` and ``y`` are the addresses of ``len`` elements each, and
``axes`` is a shape, its shared axes, its strides in elements unless it is in row-major order, and, for a part of a
larger tensor, that one's shape and where the part begins; or None for one decision per element. Passes in which
``x`` and ``y`` are equal are in place. Nothing needs to be aligned.
All raise ValueError for what the library has no result for, and TypeError, each with the name of the argument.
"""

from collections.abc import Sequence

__version__: str

F32: int
F64: int
F16: int
BF16: int
I8: int
U8: int
I16: int

DROPOUT: int
ALPHA: int
ALPHA_BACKWARD: int
GAUSSIAN: int
NOISE: int

_Position = tuple[int, int, int, int]  # seed, layer, step, offset: an Address
_Place = tuple[Sequence[int], Sequence[int]]
_Axes = tuple[Sequence[int], Sequence[int], Sequence[int] | None, _Place | None] | None

def run(
    kind: int,
    element: int,
    value: float,
    address: _Position,
    x: int,
    y: int,
    len: int,
    axes: _Axes,
    threads: int,
    /,
) -> None:
    """A pass in training. ``value`` is the rate p, or the deviation of NOISE.

    The backward pass of ALPHA is ALPHA_BACKWARD, that of NOISE the identity, and that of the others the same map.
    """

def quantized(
    element: int,
    p: float,
    zero_point: int,
    fixed_point_scale: bool,
    address: _Position,
    x: int,
    y: int,
    len: int,
    axes: _Axes,
    threads: int,
    /,
) -> None:
    """Dropout of quantised values, in both passes."""

def drop_block(
    element: int,
    p: float,
    block_size: Sequence[int],
    shape: Sequence[int],
    channels_last: bool,
    shared_channels: bool,
    address: _Position,
    x: int,
    y: int,
    len: int,
    threads: int,
    /,
) -> None:
    """DropBlock, in both passes."""

def mask_words(p: float, address: _Position, decisions: int, out: int, threads: int, /) -> None:
    """Keep bits, to ``(decisions + 31) // 32`` words of 32 bits at ``out``."""

def mask_bools(p: float, address: _Position, decisions: int, out: int, /) -> None:
    """Keep bits, to ``decisions`` bools at ``out``, which are valid bools already."""

def position(address: _Position, /) -> _Position:
    """An address, checked, as a plain tuple."""

def count(seed: int, layer: int, step: int, offset: int, /) -> _Position:
    """A position with the seed and the step of two ``int64`` at these addresses. Adds 1 to the step, modulo 2**32."""

def rewind(step: int, now: int, /) -> None:
    """Sets the step, an ``int64`` at this address, to what it was."""
