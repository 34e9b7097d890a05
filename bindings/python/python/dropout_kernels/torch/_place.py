"""Where a shard lies in the whole tensor: ranks that hold parts of one tensor drop as one device would."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor

Place: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""The shape of a whole tensor, and where in it a part begins."""


def is_distributed(x: Tensor) -> TypeGuard[DTensor]:
    # Whoever has a DTensor has imported its module, which takes long.
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(x, module.DTensor)


def on_shards(x: DTensor, run: Callable[[Tensor, Place], Tensor]) -> DTensor:
    """A pass over this rank's shard, at its place."""
    from torch.distributed.tensor import DTensor
    from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

    if any(placement.is_partial() for placement in x.placements):
        raise RuntimeError("a DTensor that is still to be summed: redistribute it to shards or replicas first")
    _, start = compute_local_shape_and_global_offset(x.shape, x.device_mesh, x.placements)
    y = run(x.to_local(), (tuple(x.shape), tuple(start)))
    return DTensor.from_local(y, x.device_mesh, x.placements, run_check=False, shape=x.shape, stride=x.stride())
