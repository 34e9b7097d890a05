"""What all modules have in common: an address, and the passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, int64
from torch.compiler import is_dynamo_compiling
from torch.nn.modules.dropout import _DropoutNd
from torch.utils.data import get_worker_info

from .. import Address, _native
from ._passes import Position, apply, check_type
from ._place import Place
from ._replay import local
from ._tracing import called_again, dispatch_modes, graph_task, scalar, signed, trace, tracing_state

if TYPE_CHECKING:
    from typing_extensions import Self


class Addressed(_DropoutNd):
    """A dropout module whose mask is a function of its address."""

    seed: Tensor
    step: Tensor
    _kind = _native.DROPOUT
    _shares = True
    """Whether elements share decisions. Asked first, as it takes less time than to ask for the axes of none."""

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
        self._begin(seed, layer, offset)

    def _begin(self, seed: int | None, layer: int, offset: int) -> None:
        self.part: Place | None = None
        checked, self.layer, _, self.offset = _native.position((seed or 0, layer, 0, offset))
        self._given = None if seed is None else checked
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Begins anew at step 0: with the seed that was given, or else with another one drawn from PyTorch's default
        generator.
        """
        # On the CPU, whatever the default device is.
        given = self._given
        seed = torch.randint(-(2**63), 2**63 - 1, (), device="cpu") if given is None else scalar(given)
        self.register_buffer("seed", seed)
        self.register_buffer("step", scalar(0))

    @property
    def address(self) -> Address:
        """The address of the next forward pass in training."""
        return Address(int(self.seed) % 2**64, self.layer, int(self.step) % 2**32, self.offset)

    @address.setter
    def address(self, address: Address) -> None:
        seed, self.layer, step, self.offset = _native.position(address)
        self.seed.fill_(signed(seed))
        self.step.fill_(step)
        self._given = seed

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}, layer={self.layer}"

    def forward(self, input: Tensor) -> Tensor:
        if type(input) is not Tensor:
            check_type(input)
        if not self.training:
            return input
        if is_dynamo_compiling() or dispatch_modes() > 0 or tracing_state() is not None:
            return self._trace(input)
        shared = self._shared(input) if self._shares else ()
        source = local.source
        address = self._count() if source is None else source(self)
        try:
            return apply(input, self._kind, (self.p, address, shared, self.part), self.inplace)
        except Exception:
            self._refuse(address)
            raise

    def _shared(self, input: Tensor) -> tuple[int, ...]:
        """The axes along which all elements share a decision."""
        return ()

    def _count(self) -> Position:
        """The address of this pass. The next has the next step."""
        if graph_task() != -1:
            raise called_again()
        # Not as attributes: those that are buffers are looked for elsewhere first.
        buffers = self._buffers
        seed, step = buffers["seed"], buffers["step"]
        if (
            seed is None
            or step is None
            or not (seed.is_cpu and step.is_cpu)
            or seed.dtype is not int64
            or step.dtype is not int64
        ):
            seed, step = self._state()
        address = _native.count(seed.data_ptr(), self.layer, step.data_ptr(), self.offset)
        worker = get_worker_info()
        if worker is None:
            return address
        # The copies of a module in the workers of a DataLoader differ by what tells workers and epochs apart.
        return (address[0] + worker.seed) % 2**64, *address[1:]

    def _state(self) -> tuple[Tensor, Tensor]:
        """Seed and step, where something has moved them: FSDP, or `load_state_dict` with `assign`."""
        for name in "seed", "step":
            buffer = self._buffers[name]
            if buffer is None or buffer.is_meta:
                raise RuntimeError(f"the buffer {name} of a dropout module has no memory: call reset_parameters()")
            self._buffers[name] = buffer.to("cpu", int64)
        return self.seed, self.step

    def _refuse(self, address: Position) -> None:
        """A pass that was refused takes no step."""
        if local.source is None:
            _native.rewind(self.step.data_ptr(), address[2])

    def _trace(self, input: Tensor) -> Tensor:
        """The forward pass as operators."""
        shared = self._shared(input)
        if is_dynamo_compiling() or local.source is None:
            now = torch.ops.dropout_kernels.count(self.step)
            mask = self.p, (0, self.layer, 0, self.offset), shared, self.part
            return trace(input, self._kind, mask, self.inplace, self.seed, now)
        return trace(input, self._kind, (self.p, local.source(self), shared, self.part), self.inplace)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        """Seed and step stay on the CPU, and what they are, when a model is moved to another device or type."""
        return self

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        *rest: Any,
    ) -> None:
        """What was saved by a model of torch.nn has no address: the module keeps its own."""
        missing: list[str] = []
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing, *rest)
        if len(missing) < 2:
            missing_keys += missing
