"""Shards on two processes, against the whole tensor on one."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed, multiprocessing
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor

import dropout_kernels.torch as dk
from dropout_kernels import Address

ADDRESS = Address(seed=42, layer=3, step=1000, offset=5)
WHOLE = torch.linspace(-1, 1, 5 * 4 * 3).reshape(5, 4, 3)  # five rows on two ranks: one has more


def module() -> Any:
    result = dk.Dropout1d(0.4)
    result.address = ADDRESS
    return result


def functional(x: Any) -> Any:
    return dk.alpha_dropout(x, 0.4, ADDRESS, shared=(1,))


PASSES: list[Any] = [lambda x: dk.dropout(x, 0.4, ADDRESS), functional, lambda x: module()(x)]
PLACEMENTS: list[Any] = [Shard(0), Shard(1), Shard(2), Replicate()]


def run_rank(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    for placement in PLACEMENTS:
        for number, pass_ in enumerate(PASSES):
            whole = WHOLE.clone().requires_grad_()
            expected = pass_(whole)
            expected.pow(2).sum().backward()
            x = distribute_tensor(WHOLE, mesh, [placement]).requires_grad_()
            y = pass_(x)
            assert isinstance(y, DTensor) and y.placements == (placement,) and y.shape == WHOLE.shape
            y.pow(2).sum().backward()
            assert torch.equal(y.full_tensor(), expected), (placement, number)
            assert torch.equal(x.grad.full_tensor(), whole.grad), (placement, number)
            # By hand, as a program without DTensor does it.
            if placement == Shard(0) and number == 0:
                rows = slice(0, 3) if rank == 0 else slice(3, 5)
                shard = dk.dropout(WHOLE[rows], 0.4, ADDRESS, part=((5, 4, 3), (rows.start, 0, 0)))
                assert torch.equal(shard, y.to_local())
    partial = DTensor.from_local(WHOLE, mesh, [Partial()])
    layer = module()
    with pytest.raises(RuntimeError, match="still to be summed"):
        layer(partial)
    assert layer.address == ADDRESS
    distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_ranks_drop_as_one(tmp_path: Path) -> None:
    multiprocessing.spawn(run_rank, (tmp_path,), nprocs=2)
