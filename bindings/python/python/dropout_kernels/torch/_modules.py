"""The namesakes of the dropout modules of ``torch.nn``."""

from __future__ import annotations

import warnings

from torch import Tensor, nn

from .. import _native
from ._base import Addressed


class Dropout(Addressed, nn.Dropout):
    """:class:`torch.nn.Dropout`: drops elements."""

    _shares = False


class AlphaDropout(Addressed, nn.AlphaDropout):
    """:class:`torch.nn.AlphaDropout`: drops elements of a network of SELUs. Unlike there, ``inplace`` has an effect."""

    _kind = _native.ALPHA
    _shares = False


class Dropout1d(Addressed, nn.Dropout1d):
    """:class:`torch.nn.Dropout1d`: drops channels of N x C x L or C x L."""

    def _shared(self, input: Tensor) -> tuple[int, ...]:
        rank = input.dim()
        if rank not in (2, 3):
            raise RuntimeError(f"Dropout1d of a tensor of {rank} axes: expected N x C x L or C x L")
        return (rank - 1,)


class Dropout2d(Addressed, nn.Dropout2d):
    """:class:`torch.nn.Dropout2d`: drops channels of N x C x H x W.

    As there, three axes are taken for N x C x L, with a warning.
    """

    def _shared(self, input: Tensor) -> tuple[int, ...]:
        rank = input.dim()
        if rank == 3:
            warnings.warn("Dropout2d of a tensor of 3 axes takes it for N x C x L, like PyTorch", stacklevel=5)
        elif rank != 4:
            _warn_of_rank("Dropout2d", rank, "N x C x H x W")
        return _maps("Dropout2d", rank)


class Dropout3d(Addressed, nn.Dropout3d):
    """:class:`torch.nn.Dropout3d`: drops channels of N x C x D x H x W or C x D x H x W."""

    def _shared(self, input: Tensor) -> tuple[int, ...]:
        rank = input.dim()
        if rank == 5:
            return 2, 3, 4
        if rank != 4:
            _warn_of_rank("Dropout3d", rank, "N x C x D x H x W or C x D x H x W")
        # As in PyTorch, whatever has not five axes has no batch.
        return _maps("Dropout3d", rank, 1)


class FeatureAlphaDropout(Addressed, nn.FeatureAlphaDropout):
    """:class:`torch.nn.FeatureAlphaDropout`: drops channels of N x C x ... .

    Unlike there, ``inplace`` has an effect.
    """

    _kind = _native.ALPHA

    def _shared(self, input: Tensor) -> tuple[int, ...]:
        return _maps("FeatureAlphaDropout", input.dim())


def _maps(name: str, rank: int, own: int = 2) -> tuple[int, ...]:
    """The axes after N and C, or after C alone."""
    if rank < own:
        raise RuntimeError(f"{name} of a tensor of {rank} axes: expected N x C x ...")
    return tuple(range(own, rank))


def _warn_of_rank(name: str, rank: int, expected: str) -> None:
    warnings.warn(f"{name} of a tensor of {rank} axes, which PyTorch deprecates: expected {expected}", stacklevel=6)
