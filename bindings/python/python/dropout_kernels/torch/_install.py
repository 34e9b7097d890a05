"""Every dropout of PyTorch on the CPU, without a change of the model.

All of them come down to eight operators of PyTorch's dispatcher, which takes other implementations of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from .. import _native
from ._passes import ELEMENTS, apply
from ._tracing import dispatch_modes, tracing_state

_OPERATORS = {
    "dropout": (_native.DROPOUT, False),
    "feature_dropout": (_native.DROPOUT, True),
    "alpha_dropout": (_native.ALPHA, False),
    "feature_alpha_dropout": (_native.ALPHA, True),
}
"""Their kinds, and whether they drop whole features: what is behind N x C."""

_lock = threading.Lock()
_library: torch.library.Library | None = None


class _Installed(AbstractContextManager[None]):
    """What `install` has done, undone at the end of a `with` block unless it was done before."""

    def __init__(self, was_installed: bool) -> None:
        self._was_installed = was_installed

    def __exit__(self, *_: object) -> None:
        if not self._was_installed:
            uninstall()


def install() -> AbstractContextManager[None]:
    """Makes every dropout of PyTorch on the CPU one of this library, in this process, until :func:`uninstall` or the
    end of a ``with`` block: ``F.dropout`` and its kin, the modules of ``torch.nn``, attention, recurrent networks.

    The seed of each call is drawn from PyTorch's default generator, so ``torch.manual_seed`` and activation
    checkpointing hold. They are other masks than PyTorch's. What this library does not take is left to PyTorch's
    implementation: other types, layouts and devices, subclasses of ``Tensor``, and all that traces or transforms a
    program, such as torch.compile.
    """
    global _library
    with _lock:
        was_installed = _library is not None
        if not was_installed:
            library = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
            for operator, (kind, feature) in _OPERATORS.items():
                for name, inplace in (operator, False), (operator + "_", True):
                    implementation = _implementation(name, kind, feature, inplace)
                    # With gradients, and in inference mode.
                    for key in "AutogradCPU", "CPU":
                        library.impl(name, implementation, key)  # type: ignore[no-untyped-call]
            _library = library
            _forget_dispatch()
    return _Installed(was_installed)


def uninstall() -> None:
    """Undoes :func:`install`."""
    global _library
    with _lock:
        if _library is not None:
            _library._destroy()  # type: ignore[no-untyped-call]
            _library = None
            _forget_dispatch()


def _forget_dispatch() -> None:
    """torch.compile dispatches in Python, and would go on to call what was registered before."""
    for operator in _OPERATORS:
        for name in operator, operator + "_":
            getattr(torch.ops.aten, name).default._dispatch_cache.clear()


class _Draw(threading.local):
    """A number drawn from PyTorch's default generator, into memory of the thread's own."""

    def __init__(self) -> None:
        with torch.inference_mode(False):  # in which a thread may begin
            self.number = torch.zeros((), dtype=torch.int64, device="cpu")


_draw = _Draw()


def _implementation(name: str, kind: int, feature: bool, inplace: bool) -> Callable[[Tensor, float, bool], Tensor]:
    operator = getattr(torch.ops.aten, name).default

    def original(x: Tensor, p: float, train: bool) -> Tensor:
        # Not by `decompose`, which prefers an implementation in Python that draws other masks.
        result: Tensor = operator._op_dk(torch._C.DispatchKey.CompositeImplicitAutograd, x, p, train)
        return result

    transforms = torch._C._functorch.peek_interpreter_stack

    def implementation(x: Tensor, p: float, train: bool) -> Tensor:
        if not (
            train
            and 0 < p <= 1
            and x.dtype in ELEMENTS
            and (type(x) is Tensor or type(x) is nn.Parameter)
            and x.layout is torch.strided
            and not x.is_nested
            and dispatch_modes() == 0
            and tracing_state() is None
            and transforms() is None
        ):
            return original(x, p, train)
        shared: tuple[int, ...] = ()
        if feature:
            rank = x.dim()
            if rank < 2:
                return original(x, p, train)
            shared = tuple(range(2, rank))
        seed = int(_draw.number.random_())
        return apply(x, kind, (p, (seed, 0, 0, 0), shared, None), inplace)

    return implementation
