"""Forward passes that are computed again with the masks that they had."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from ._passes import Position


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

        local.source = source

    def __exit__(self, *_: object) -> None:
        local.source = self._outer


class _Replay(AbstractContextManager[None]):
    """Gives modules the addresses that were noted, in the same order."""

    def __init__(self, recorded: _Recorded) -> None:
        self._recorded = recorded

    def __enter__(self) -> None:
        addresses, self._outer = iter(self._recorded.addresses), local.source

        def source(module: Addressed) -> Position:
            recorded, address = next(addresses, (None, None))
            if recorded is not module or address is None:
                raise RuntimeError("the recomputed forward pass calls other dropout modules than the first one did")
            return address

        local.source = source

    def __exit__(self, *_: object) -> None:
        local.source = self._outer


def same_masks() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Two contexts, for a forward pass and for the same again: modules have the same masks in both.

    The first notes the address of each dropout module that is called, the second gives them the same in the same order.
    Activation checkpointing takes this function as it is::

        y = checkpoint(block, x, use_reentrant=False, preserve_rng_state=False, context_fn=same_masks)

    ``preserve_rng_state=False`` spares saving PyTorch's generators, if nothing else in ``block`` uses them.
    The second context can be entered any number of times.
    """
    recorded = _Recorded()
    return _Record(recorded), _Replay(recorded)
