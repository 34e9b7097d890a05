"""Modules that take the place of those of ``torch.nn``, on the CPU.

A module's mask is a function of its address: its ``seed`` and ``step``, which are buffers and so part of its
``state_dict``, and its ``layer`` and ``offset``, which are attributes. Each forward pass in training takes the next
step, modulo 2**32. No mask and no state of a generator is stored: the backward pass computes the mask again.

The seed is drawn from PyTorch's default generator unless it is given, so ``torch.manual_seed`` before the model is
built determines all masks.

:func:`set_addresses` numbers the layers of a model that was copied or that is to have one seed.

For activation checkpointing, pass :func:`same_masks` as ``context_fn``.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from . import Address, _native
from ._passes import Position, apply
from ._replay import local, same_masks

__all__ = [
    "Address",
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "same_masks",
    "set_addresses",
]


def set_addresses(model: nn.Module, seed: int, *, step: int = 0, offset: int = 0) -> None:
    """Gives all dropout modules in a model this seed, step and offset, and numbers their layers in the order of
    ``model.modules()``.

    Needed after layers were copied, as ``torch.nn.TransformerEncoder`` does: copies have the masks of their originals.
    """
    layer = 0
    for module in model.modules():
        if isinstance(module, _Module):
            module.address = Address(seed, layer, step, offset)
            layer += 1


class _Module(nn.Module):
    """What all modules have in common: an address, and the passes."""

    seed: Tensor
    step: Tensor
    p: float
    inplace: bool
    _kind = _native.DROPOUT

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, seed: int | None = None, layer: int = 0, offset: int = 0
    ) -> None:
        """
        Args:
            p: the probability of dropping.
            inplace: whether to write the result to the input.
            seed: 0 to 2**64 - 1; drawn from PyTorch's default generator if not given.
            layer: the number of the layer, for layers of one seed.
            offset: the index of the first decision; see :class:`Address`.
        """
        super().__init__(p, inplace)
        if seed is None:
            seed = int(torch.randint(-(2**63), 2**63 - 1, (), device="cpu")) % 2**64
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64, device="cpu"))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64, device="cpu"))
        self.address = Address(seed, layer, 0, offset)

    @property
    def address(self) -> Address:
        """The address of the next forward pass in training."""
        return Address(int(self.seed) % 2**64, self.layer, int(self.step) % 2**32, self.offset)

    @address.setter
    def address(self, address: Address) -> None:
        seed, layer, step, offset = _native.position(address)
        self.layer, self.offset = layer, offset
        self.seed.fill_(seed - 2**64 if seed >= 2**63 else seed)
        self.step.fill_(step)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}, layer={self.layer}"

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return input
        own = self._own(input)
        source = local.source
        address = self._count() if source is None else source(self)
        return apply(input, self._kind, (self.p, address, own), self.inplace)

    def _own(self, input: Tensor) -> int | None:
        """The leading axes that have decisions of their own. None: every element has one."""
        return None

    def _count(self) -> Position:
        """The address of this pass. The next has the next step."""
        if torch._C._current_graph_task_id() != -1:
            raise RuntimeError(
                "a dropout module was called again in a backward pass, and does not know which mask it had: call "
                "torch.utils.checkpoint.checkpoint with use_reentrant=False and context_fn=same_masks, which is in "
                "dropout_kernels.torch"
            )
        # Not as attributes: those that are buffers are looked for elsewhere first.
        buffers = self._buffers
        seed, step = buffers["seed"], buffers["step"]
        if seed is None or step is None or not (_is_state(seed) and _is_state(step)):
            raise RuntimeError("the buffers seed and step of a dropout module: expected each to be an int64 on the CPU")
        return _native.count(seed.data_ptr(), self.layer, step.data_ptr(), self.offset)


def _is_state(buffer: Tensor) -> bool:
    return buffer.is_cpu and buffer.dtype is torch.int64


class Dropout(_Module, nn.Dropout):
    """:class:`torch.nn.Dropout`: drops elements."""


class AlphaDropout(_Module, nn.AlphaDropout):
    """:class:`torch.nn.AlphaDropout`: drops elements of a network of SELUs. Unlike there, ``inplace`` has an effect."""

    _kind = _native.ALPHA


class Dropout1d(_Module, nn.Dropout1d):
    """:class:`torch.nn.Dropout1d`: drops channels of N x C x L or C x L."""

    def _own(self, input: Tensor) -> int:
        rank = input.dim()
        if rank not in (2, 3):
            raise RuntimeError(f"Dropout1d of a tensor of {rank} axes: expected N x C x L or C x L")
        return rank - 1


class Dropout2d(_Module, nn.Dropout2d):
    """:class:`torch.nn.Dropout2d`: drops channels of N x C x H x W.

    As there, three axes are taken for N x C x L, with a warning.
    """

    def _own(self, input: Tensor) -> int:
        rank = input.dim()
        if rank == 3:
            warnings.warn("Dropout2d of a tensor of 3 axes takes it for N x C x L, like PyTorch", stacklevel=5)
        elif rank != 4:
            _warn_of_rank("Dropout2d", rank, "N x C x H x W")
        return _batched("Dropout2d", rank)


class Dropout3d(_Module, nn.Dropout3d):
    """:class:`torch.nn.Dropout3d`: drops channels of N x C x D x H x W or C x D x H x W."""

    def _own(self, input: Tensor) -> int:
        rank = input.dim()
        if rank == 5:
            return 2
        if rank != 4:
            _warn_of_rank("Dropout3d", rank, "N x C x D x H x W or C x D x H x W")
        # As in PyTorch, whatever has not five axes has no batch.
        return _batched("Dropout3d", rank + 1) - 1


class FeatureAlphaDropout(_Module, nn.FeatureAlphaDropout):
    """:class:`torch.nn.FeatureAlphaDropout`: drops channels of N x C x ... .

    Unlike there, ``inplace`` has an effect.
    """

    _kind = _native.ALPHA

    def _own(self, input: Tensor) -> int:
        return _batched("FeatureAlphaDropout", input.dim())


def _batched(name: str, rank: int) -> int:
    """N and C have decisions of their own."""
    if rank < 2:
        raise RuntimeError(f"{name} of a tensor of {rank} axes: expected N x C x ...")
    return 2


def _warn_of_rank(name: str, rank: int, expected: str) -> None:
    warnings.warn(f"{name} of a tensor of {rank} axes, which PyTorch deprecates: expected {expected}", stacklevel=6)
