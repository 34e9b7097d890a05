"""Modules of an existing model."""

from __future__ import annotations

from torch import nn

from .. import Address
from . import _modules
from ._base import Addressed

_NAMESAKES: dict[type[nn.Module], type[Addressed]] = {
    getattr(nn, module.__name__): module
    for module in (
        _modules.Dropout,
        _modules.Dropout1d,
        _modules.Dropout2d,
        _modules.Dropout3d,
        _modules.AlphaDropout,
        _modules.FeatureAlphaDropout,
    )
}


def convert(model: nn.Module) -> list[str]:
    """Turns the dropout modules of ``torch.nn`` in a model into their namesakes here, in place: each stays the object
    that it is, with its hooks. Each draws a seed of its own from PyTorch's default generator, so :func:`set_addresses`
    is not needed.

    Returns the names of the modules whose dropout it does not reach: those that drop without a module, such as
    ``nn.MultiheadAttention`` and ``nn.LSTM``, and classes that inherit from the modules of ``torch.nn``. What a
    ``forward`` drops by ``torch.nn.functional`` it cannot see. :func:`install` reaches all of these.
    """
    unreached = []
    for name, module in model.named_modules():
        namesake = _NAMESAKES.get(type(module))
        if namesake is not None:
            module.__class__ = namesake
            module._begin(None, 0, 0)
        elif not isinstance(module, Addressed) and _drops(module):
            unreached.append(name)
    return unreached


def _drops(module: nn.Module) -> bool:
    """Whether a module, beside those that it has, drops with a rate of its own."""
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return True
    rate = getattr(module, "dropout", 0.0)
    return isinstance(rate, float) and rate > 0


def set_addresses(model: nn.Module, seed: int, *, step: int = 0, offset: int = 0) -> None:
    """Gives all dropout modules in a model this seed, step and offset, and numbers their layers in the order of
    ``model.modules()``.

    Needed after layers were copied, as ``torch.nn.TransformerEncoder`` does: copies have the masks of their originals.
    """
    layer = 0
    for module in model.modules():
        if isinstance(module, Addressed):
            module.address = Address(seed, layer, step, offset)
            layer += 1
