"""Dropout for PyTorch, on the CPU: every dropout of an existing model by :func:`install`, modules that take the place
of those of ``torch.nn``, and functions.

A module's mask is a function of its address: its ``seed`` and ``step``, which are buffers and so part of its
``state_dict``, and its ``layer`` and ``offset``, which are attributes. Each forward pass in training takes the next
step, modulo 2**32. No mask and no state of a generator is stored: the backward pass computes the mask again.

The seed is drawn from PyTorch's default generator unless it is given, so ``torch.manual_seed`` before the model is
built determines all masks.

:func:`convert` turns the modules of a model into these. :func:`set_addresses` numbers the layers of a model that was
copied or that is to have one seed. For activation checkpointing, pass :func:`same_masks` as ``context_fn``.
"""

from .. import Address
from ._convert import convert, set_addresses
from ._functional import alpha_dropout, drop_block, dropout, gaussian_dropout, gaussian_noise
from ._install import install, uninstall
from ._kinds import DropBlock1d, DropBlock2d, DropBlock3d, DropPath, GaussianDropout, GaussianNoise
from ._modules import AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout
from ._replay import same_masks

__all__ = [
    "Address",
    "AlphaDropout",
    "DropBlock1d",
    "DropBlock2d",
    "DropBlock3d",
    "DropPath",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "alpha_dropout",
    "convert",
    "drop_block",
    "dropout",
    "gaussian_dropout",
    "gaussian_noise",
    "install",
    "same_masks",
    "set_addresses",
    "uninstall",
]
