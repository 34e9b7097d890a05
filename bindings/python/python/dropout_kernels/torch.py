"""Modules that take the place of those of ``torch.nn``, on the CPU.

A module's mask is a function of its address: its ``seed`` and ``step``, which are buffers and so part of its
``state_dict``, and its ``layer`` and ``offset``, which are attributes. Each forward pass in training takes the next step,
modulo 2**32. No mask and no state of a generator is stored: the backward pass computes the mask again.

The seed is drawn from PyTorch's default generator unless it is given, so ``torch.manual_seed`` before the model is built
determines all masks. :func:`set_addresses` numbers the layers of a model that was copied or that is to have one seed.

For activation checkpointing, pass :func:`same_masks` as ``context_fn``.
"""

from __future__ import annotations

import operator
import threading
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from math import prod
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from . import Address, _native

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

_ELEMENTS = {
    torch.float32: _native.F32,
    torch.float64: _native.F64,
    torch.float16: _native.F16,
    torch.bfloat16: _native.BF16,
}

_PARALLEL = 1 << 18
"""Elements below which the library uses one thread."""

_MAX_RANK = 8
"""The library's limit for tensors whose elements are not in row-major order."""


_Address: TypeAlias = tuple[int, int, int, int]

_Mask: TypeAlias = tuple[float, _Address, int | None]
"""The rate, the address, and the number of leading axes with decisions of their own, which all others share; None for a
decision per element. Plain tuples, which take a tenth of the time of named ones."""


def _run(x: Tensor, kind: int, mask: _Mask, inplace: bool = False) -> Tensor:
    """A pass without autograd."""
    element = _ELEMENTS.get(x.dtype)
    if element is None:
        raise TypeError(f"a tensor of {x.dtype}: expected one of {', '.join(map(str, _ELEMENTS))}")
    if not x.is_cpu:
        raise RuntimeError(f"a tensor on {x.device}: these modules compute on the CPU. Use those of torch.nn there")
    p, address, own = mask
    axes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...] | None] | None = None
    y = x if inplace else torch.empty_like(x)
    if x.is_neg():
        # A view of complex numbers that has changed its elements' signs only by a flag.
        return y.copy_(_run(x.clone(), kind, mask))
    if x.is_contiguous():
        if own is not None:
            decisions = prod(x.shape[:own])
            axes = (decisions, x.numel() // decisions if decisions else 0), (1,), None
    elif x.dim() <= _MAX_RANK and _is_dense(x) and x.stride() == y.stride():
        # Transposed, or with channels last: the result has the same strides.
        axes = x.shape, () if own is None else tuple(range(own, x.dim())), x.stride()
    else:
        # A view with gaps or repeated elements.
        return y.copy_(_run(x.contiguous(), kind, mask))
    elements = x.numel()
    threads = torch.get_num_threads() if elements >= _PARALLEL else 1
    _native.run(kind, element, p, address, x.data_ptr(), y.data_ptr(), elements, axes, threads)
    return y


def _is_dense(x: Tensor) -> bool:
    """Whether the elements lie one next to the other, in some order of the axes."""
    expected = 1
    for stride, extent in sorted(zip(x.stride(), x.shape, strict=True)):
        if extent != 1 and stride != expected:
            return False
        expected *= extent
    return True


_BACKWARD = {
    _native.DROPOUT: _native.DROPOUT,
    _native.ALPHA: _native.ALPHA_BACKWARD,
    _native.ALPHA_BACKWARD: _native.ALPHA_BACKWARD,
}
"""The backward pass of each pass. Those of backward passes are themselves: they are linear, with a factor per element."""


class _Function(torch.autograd.Function):
    """A pass whose backward pass computes the mask again."""

    # With `setup_context`, which torch.func would need, a call takes five times as long.
    @staticmethod
    def forward(ctx: Any, x: Tensor, kind: int, mask: _Mask, inplace: bool) -> Tensor:
        ctx.kind, ctx.mask, ctx.inplace = kind, mask, inplace
        if inplace:
            ctx.mark_dirty(x)
        return _run(x, kind, mask, inplace)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return _apply(grad, _BACKWARD[ctx.kind], ctx.mask), None, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        result = _apply(tangent, _BACKWARD[ctx.kind], ctx.mask)
        return tangent.copy_(result) if ctx.inplace else result


def _apply(x: Tensor, kind: int, mask: _Mask, inplace: bool = False) -> Tensor:
    """A pass, recorded by autograd if that is on."""
    if x.requires_grad and torch.is_grad_enabled():
        if inplace and x.is_leaf:
            raise RuntimeError("a leaf tensor that requires grad cannot be changed in place")
    elif forward_ad._current_level < 0:
        y = _run(x, kind, mask, inplace)
        if inplace:
            torch.autograd.graph.increment_version(x)
        return y
    result: Tensor = _Function.apply(x, kind, mask, inplace)
    return result


_Source: TypeAlias = "Callable[[_Module], _Address]"


class _Local(threading.local):
    """Where the modules of a thread get their addresses from. None: each counts its steps."""

    source: _Source | None = None


_local = _Local()


class _Recorded:
    """The addresses that the modules called in a segment had."""

    def __init__(self) -> None:
        self.addresses: list[tuple[_Module, _Address]] = []


class _Record(AbstractContextManager[None]):
    """Notes the addresses that modules have."""

    def __init__(self, recorded: _Recorded) -> None:
        self._recorded = recorded

    def __enter__(self) -> None:
        addresses, self._outer = self._recorded.addresses, _local.source
        outer = self._outer or _Module._count
        addresses.clear()

        def source(module: _Module) -> _Address:
            address = outer(module)
            addresses.append((module, address))
            return address

        _local.source = source

    def __exit__(self, *_: object) -> None:
        _local.source = self._outer


class _Replay(AbstractContextManager[None]):
    """Gives modules the addresses that were noted, in the same order."""

    def __init__(self, recorded: _Recorded) -> None:
        self._recorded = recorded

    def __enter__(self) -> None:
        addresses, self._outer = iter(self._recorded.addresses), _local.source

        def source(module: _Module) -> _Address:
            recorded, address = next(addresses, (None, None))
            if recorded is not module or address is None:
                raise RuntimeError("the recomputed forward pass calls other dropout modules than the first one did")
            return address

        _local.source = source

    def __exit__(self, *_: object) -> None:
        _local.source = self._outer


def same_masks() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Two contexts, for a forward pass and for the same again: modules have the same masks in both.

    The first notes the address of each dropout module that is called, the second gives them the same in the same order.
    Activation checkpointing takes this function as it is::

        y = checkpoint(block, x, use_reentrant=False, preserve_rng_state=False, context_fn=same_masks)

    ``preserve_rng_state=False`` spares saving the state of PyTorch's generators, if nothing else in ``block`` uses them.
    The second context can be entered any number of times.
    """
    recorded = _Recorded()
    return _Record(recorded), _Replay(recorded)


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
        seed, layer, step, offset = map(operator.index, address)
        for name, value, bits in ("seed", seed, 64), ("layer", layer, 32), ("step", step, 32), ("offset", offset, 64):
            if not 0 <= value < 2**bits:
                raise ValueError(f"{name} {value}: expected 0 to 2**{bits} - 1")
        self.layer, self.offset = layer, offset
        self.seed.fill_(seed - 2**64 if seed >= 2**63 else seed)
        self.step.fill_(step)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}, layer={self.layer}"

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return input
        own = self._own(input)
        source = _local.source
        address = self._count() if source is None else source(self)
        return _apply(input, self._kind, (self.p, address, own), self.inplace)

    def _own(self, input: Tensor) -> int | None:
        """The leading axes that have decisions of their own. None: every element has one."""
        return None

    def _count(self) -> _Address:
        """The address of this pass. The next has the next step."""
        if torch._C._current_graph_task_id() != -1:
            raise RuntimeError(
                "a dropout module was called again in a backward pass, and does not know which mask it had: call "
                "torch.utils.checkpoint.checkpoint with use_reentrant=False and context_fn=same_masks, which is in "
                "dropout_kernels.torch"
            )
        # Through a dictionary: attributes that are buffers take ten times as long.
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
    """:class:`torch.nn.FeatureAlphaDropout`: drops channels of N x C x ... . Unlike there, ``inplace`` has an effect."""

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
