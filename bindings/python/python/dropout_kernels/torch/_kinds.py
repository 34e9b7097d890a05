"""Dropout modules that ``torch.nn`` lacks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .. import _native
from ._base import Addressed
from ._passes import DROP_BLOCK


class DropPath(Addressed):
    """Stochastic depth: drops whole samples, along the first axis (Huang et al., ECCV 2016). Meant for the branch of a
    residual block, ``x + drop_path(branch(x))``.
    """

    def _shared(self, input: Tensor) -> tuple[int, ...]:
        return tuple(range(1, input.dim()))


class GaussianDropout(Addressed):
    """Multiplies by noise of mean 1 and variance p/(1-p) (Srivastava et al., JMLR 15, 2014)."""

    _kind = _native.GAUSSIAN


class GaussianNoise(Addressed):
    """Adds noise of mean 0 and a standard deviation."""

    _kind = _native.NOISE

    def __init__(
        self, deviation: float, inplace: bool = False, *, seed: int | None = None, layer: int = 0, offset: int = 0
    ) -> None:
        super().__init__(0.0, inplace, seed=seed, layer=layer, offset=offset)
        # In the place of a rate: the passes have one number.
        self.p = deviation

    @property
    def deviation(self) -> float:
        return self.p

    def extra_repr(self) -> str:
        return f"deviation={self.p}, inplace={self.inplace}, layer={self.layer}"


class _DropBlock(Addressed):
    """DropBlock: drops patches of feature maps (Ghiasi, Lin and Le, NeurIPS 2018)."""

    _kind = DROP_BLOCK
    _axes: int

    def __init__(
        self,
        p: float,
        block_size: int | Sequence[int],
        inplace: bool = False,
        *,
        shared_channels: bool = False,
        seed: int | None = None,
        layer: int = 0,
        offset: int = 0,
    ) -> None:
        """
        Args:
            p: the part of a map that is dropped, on average and about.
            block_size: the extent of a patch, one for all spatial axes or one for each.
            inplace: whether to write the result to the input.
            shared_channels: whether all channels of a sample have the same mask.
            seed, layer, offset: as of :class:`Dropout`.
        """
        super().__init__(p, inplace, seed=seed, layer=layer, offset=offset)
        self.block_size = (block_size,) * self._axes if isinstance(block_size, int) else tuple(block_size)
        self.shared_channels = shared_channels

    def _shared(self, input: Tensor) -> tuple[int, ...]:
        if input.dim() != self._axes + 2:
            raise RuntimeError(
                f"{type(self).__name__} of a tensor of {input.dim()} axes: expected N x C and {self._axes} spatial axes"
            )
        return *self.block_size, self.shared_channels

    def extra_repr(self) -> str:
        return f"p={self.p}, block_size={self.block_size}, inplace={self.inplace}, layer={self.layer}"


class DropBlock1d(_DropBlock):
    """DropBlock of N x C x L."""

    _axes = 1


class DropBlock2d(_DropBlock):
    """DropBlock of N x C x H x W."""

    _axes = 2


class DropBlock3d(_DropBlock):
    """DropBlock of N x C x D x H x W."""

    _axes = 3
