"""Dropout for CPUs: fast, and reproducible bit for bit.

A mask is a function of an address and a rate. The backward pass computes it again instead of storing it, and it is the
same on every CPU, on any number of threads, and however a tensor is cut into parts.

- ``dropout_kernels.numpy``: functions on arrays.
- ``dropout_kernels.torch``: every dropout of a model by one line, modules that take the place of those of
  ``torch.nn``, and functions.
- ``dropout_kernels.triton``: the same masks on a GPU.

None is imported by this package itself, so each needs its library only when it is used.
"""

from typing import NamedTuple

from dropout_kernels._native import __version__ as __version__

__all__ = ["Address"]


class Address(NamedTuple):
    """What selects a mask. Masks whose seed, layer or step differ are unrelated.

    >>> Address(seed=42)._replace(step=7)
    Address(seed=42, layer=0, step=7, offset=0)
    """

    seed: int
    """The run: 0 to 2**64 - 1."""
    layer: int = 0
    """The layer within the network: 0 to 2**32 - 1."""
    step: int = 0
    """The training step, or the number of the pass in Monte-Carlo dropout: 0 to 2**32 - 1."""
    offset: int = 0
    """The index of the first decision in the whole tensor, for a part of one: 0 to 2**64 - 1."""
