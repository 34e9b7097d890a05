"""Shared axes, as callers give them."""

from __future__ import annotations

import operator
from collections.abc import Sequence


def count_from_zero(shared: Sequence[int], rank: int) -> tuple[int, ...]:
    """The axes of an array of so many, of which negative ones count from the last."""
    try:
        axes = tuple(map(operator.index, shared))
    except TypeError:
        raise TypeError(f"shared {shared!r}: expected a sequence of integers") from None
    for axis in axes:
        if not -rank <= axis < rank:
            raise ValueError(f"shared axis {axis} of an array of {rank} axes")
    return tuple(axis % rank for axis in axes)
