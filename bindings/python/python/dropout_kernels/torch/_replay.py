"""Forward passes that are computed again with the masks that they had."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor

from ._passes import Position

_Contexts: TypeAlias = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]


class Addressed(Protocol):
    """A module that counts its steps."""

    def _count(self) -> Position: ...


class _Local(threading.local):
    """Where the modules of a thread get their addresses from. None: each counts its steps."""

    source: Callable[[Addressed], Position] | None = None


local = _Local()


class _Recorded:
    """The addresses that the modules called in a segment had."""

    def __init__(self) -> None:
        self.addresses: list[tuple[Addressed, Position]] = []
        self.generator: Tensor | None = None
        """The state of PyTorch's generator at the beginning, if something drew from it."""


class _Record(AbstractContextManager[None]):
    """Notes the addresses that modules have."""

    def __init__(self, recorded: _Recorded) -> None:
        self._recorded = recorded

    def __enter__(self) -> None:
        addresses, self._outer = self._recorded.addresses, local.source
        outer = self._outer
        addresses.clear()

        def source(module: Addressed) -> Position:
            address = module._count() if outer is None else outer(module)
            addresses.append((module, address))
            return address

        self._recorded.generator = torch.get_rng_state()
        local.source = source

    def __exit__(self, *_: object) -> None:
        local.source = self._outer
        generator = self._recorded.generator
        if generator is not None and torch.equal(torch.get_rng_state(), generator):
            self._recorded.generator = None


class _Replay(AbstractContextManager[None]):
    """Gives modules the addresses that were noted, in the same order."""

    def __init__(self, recorded: _Recorded) -> None:
        self._recorded = recorded

    def __enter__(self) -> None:
        addresses, self._outer = iter(self._recorded.addresses), local.source
        generator = self._recorded.generator
        if generator is not None and not torch.equal(torch.get_rng_state(), generator):
            warnings.warn(
                "a recomputed forward pass draws from PyTorch's generator, as attention's dropout does, and would draw "
                "other numbers than the first one: its gradients are wrong. Leave preserve_rng_state as it is, True",
                stacklevel=2,
            )

        def source(module: Addressed) -> Position:
            recorded, address = next(addresses, (None, None))
            if recorded is not module or address is None:
                raise RuntimeError("the recomputed forward pass calls other dropout modules than the first one did")
            return address

        local.source = source

    def __exit__(self, *_: object) -> None:
        local.source = self._outer


class _Both(AbstractContextManager[None]):
    """Two contexts, of which the second is within the first."""

    def __init__(self, outer: AbstractContextManager[Any], inner: AbstractContextManager[Any]) -> None:
        self._contexts = outer, inner

    def __enter__(self) -> None:
        with ExitStack() as stack:
            for context in self._contexts:
                stack.enter_context(context)
            self._stack = stack.pop_all()

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)


def same_masks(context_fn: Callable[[], _Contexts] | None = None) -> _Contexts:
    """Two contexts, for a forward pass and for the same again: modules have the same masks in both.

    The first notes the address of each dropout module that is called, the second gives them the same in the same order.
    Activation checkpointing takes this function as it is::

        y = checkpoint(block, x, use_reentrant=False, context_fn=same_masks)

    Or with another such function within, such as that of selective checkpointing::

        selective = functools.partial(create_selective_checkpoint_contexts, policy)
        y = checkpoint(block, x, use_reentrant=False, context_fn=functools.partial(same_masks, selective))

    What else is random in ``block``, such as the dropout in ``nn.MultiheadAttention``, needs
    ``preserve_rng_state=True``, which is the default. Without it the second context warns, if PyTorch's generator on
    the CPU was drawn from.
    The second context can be entered any number of times.
    """
    recorded = _Recorded()
    record, replay = _Record(recorded), _Replay(recorded)
    if context_fn is None:
        return record, replay
    forward, recomputation = context_fn()
    return _Both(record, forward), _Both(replay, recomputation)
