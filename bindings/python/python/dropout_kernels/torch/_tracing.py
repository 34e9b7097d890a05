"""The passes as an operator of PyTorch, for what traces a program: torch.compile, torch.export, make_fx and
torch.jit.trace.

A trace of the passes themselves would have the addresses of memory that is gone. The operator takes seed and step as
tensors, so that a graph counts its steps. Untraced calls take the direct way, which is twice as fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import _native
from ._passes import BACKWARD, Mask, run

# Who asks whether a pass is traced asks all three of torch.compiler.is_dynamo_compiling, which torch.compile answers
# when it reads a program, and these, in this order, as a call of one function for them takes longer than they do.
dispatch_modes = torch._C._len_torch_dispatch_stack
tracing_state = torch._C._get_tracing_state
graph_task = torch._C._current_graph_task_id
"""The backward pass that is running, or -1."""


@torch.library.custom_op("dropout_kernels::count", mutates_args=["step"])
def count(step: Tensor) -> Tensor:
    """The step of this pass, and the next step in its place. An operator of its own, which compilers neither reorder
    nor compute again: a backward pass would see the next step.
    """
    if graph_task() != -1:
        raise called_again()
    now = step.clone()
    step.copy_((now + 1) % 2**32)
    return now


@count.register_fake
def _(step: Tensor) -> Tensor:
    return torch.empty_like(step)


@torch.library.custom_op("dropout_kernels::drop", mutates_args=())
def drop(
    x: Tensor,
    kind: int,
    value: float,
    seed: Tensor,
    step: Tensor,
    layer: int,
    offset: int,
    shared: Sequence[int],
    whole: Sequence[int],
    start: Sequence[int],
) -> Tensor:
    """A pass. Seed, step and offset are those of an address as signed integers of 64 bits."""
    address = int(seed) % 2**64, layer, int(step) % 2**32, offset % 2**64
    return run(x, kind, (value, address, tuple(shared), (tuple(whole), tuple(start)) if whole else None))


@drop.register_fake
def _(x: Tensor, *_: object) -> Tensor:
    return torch.empty_like(x)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    _, *ctx.before, seed, step, ctx.layer, ctx.offset, ctx.shared, ctx.whole, ctx.start = inputs
    ctx.save_for_backward(seed, step)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    kind, value = ctx.before
    if kind != _native.NOISE:
        after = ctx.layer, ctx.offset, ctx.shared, ctx.whole, ctx.start
        grad = drop(grad, BACKWARD[kind], value, *ctx.saved_tensors, *after)
    return grad, *[None] * 9


drop.register_autograd(_backward, setup_context=_setup_context)


def trace(
    x: Tensor, kind: int, mask: Mask, inplace: bool, seed: Tensor | None = None, step: Tensor | None = None
) -> Tensor:
    """A pass that is seen as an operator. Seed and step are those of the mask's address unless they are given."""
    value, address, shared, place = mask
    seed = scalar(address[0]) if seed is None else seed
    step = scalar(address[2]) if step is None else step
    whole, start = place or ((), ())
    # As an overload packet: only so torch.jit.trace records it.
    y: Tensor = torch.ops.dropout_kernels.drop(
        x, kind, value, seed, step, address[1], signed(address[3]), shared, whole, start
    )
    return x.copy_(y) if inplace else y


def scalar(word: int) -> Tensor:
    """An integer of 64 bits as a tensor."""
    # Not `torch.tensor`, of which torch.jit.trace warns.
    return torch.full((), signed(word), dtype=torch.int64, device="cpu")


def signed(word: int) -> int:
    """An integer of 64 bits, as PyTorch has it."""
    return word - 2**64 if word >= 2**63 else word


def called_again() -> RuntimeError:
    return RuntimeError(
        "a dropout module was called again in a backward pass, and does not know which mask it had: call "
        "torch.utils.checkpoint.checkpoint with use_reentrant=False and context_fn=same_masks, which is in "
        "dropout_kernels.torch. Within torch.compile only its own choice of what is computed again is supported"
    )
