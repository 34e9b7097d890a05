"""Training on two processes, with data and tensors in shards, against one process."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed, multiprocessing, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor

import dropout_kernels.torch as dk
from dropout_kernels import Address

BATCH, FEATURES = 8, 32
ADDRESS = Address(seed=42, layer=3, step=1000, offset=5)
WHOLE = torch.linspace(-1, 1, 5 * 4 * 3).reshape(5, 4, 3)  # five rows on two ranks: one has more


def network() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, FEATURES), dk.Dropout(0.5), nn.Tanh(), nn.Linear(FEATURES, 1))


def gradients(model: Any, x: Any) -> list[Any]:
    for _ in range(2):
        model.zero_grad()
        model(x).pow(2).mean().backward()
    return [parameter.grad for parameter in model.parameters()]


def channels() -> Any:
    module = dk.Dropout1d(0.4)
    module.address = ADDRESS
    return module


PASSES: list[Any] = [
    lambda x: dk.dropout(x, 0.4, ADDRESS),
    lambda x: dk.alpha_dropout(x, 0.4, ADDRESS, shared=(1,)),
    lambda x: channels()(x),
]


def check_shards(rank: int) -> None:
    """DTensors in all placements: values and gradients are those of the whole."""
    mesh = init_device_mesh("cpu", (2,))
    for placement in Shard(0), Shard(1), Shard(2), Replicate():
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
    rows = slice(0, 3) if rank == 0 else slice(3, 5)
    shard = dk.dropout(WHOLE[rows], 0.4, ADDRESS, part=((5, 4, 3), (rows.start, 0, 0)))
    assert torch.equal(shard, dk.dropout(distribute_tensor(WHOLE, mesh, [Shard(0)]), 0.4, ADDRESS).to_local())

    partial, layer = DTensor.from_local(WHOLE, mesh, [Partial()]), channels()
    with pytest.raises(RuntimeError, match="still to be summed"):
        layer(partial)
    assert layer.address == ADDRESS


def run_rank(rank: int, folder: Path) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    torch.set_num_threads(1)
    check_shards(rank)
    model = network()
    # All that differs is the offset. DDP gives all ranks the buffers of the first, whatever they were.
    dk.set_addresses(model, 42 + rank)
    model[1].offset = rank * (BATCH // 2) * FEATURES
    parallel = nn.parallel.DistributedDataParallel(model)
    x = torch.linspace(-1, 1, BATCH * 4).reshape(2, BATCH // 2, 4)[rank]
    torch.save((gradients(parallel, x), model[1].address), folder / f"rank{rank}")
    distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_ranks_are_one_process(tmp_path: Path) -> None:
    """Processes take long to start, so these check all that takes two."""
    multiprocessing.spawn(run_rank, (tmp_path,), nprocs=2)
    model = network()
    dk.set_addresses(model, 42)
    expected = gradients(model, torch.linspace(-1, 1, BATCH * 4).reshape(BATCH, 4))
    for rank in range(2):
        here, address = torch.load(tmp_path / f"rank{rank}", weights_only=False)
        assert address == (42, 0, 2, rank * (BATCH // 2) * FEATURES)
        for gradient, there in zip(here, expected, strict=True):
            torch.testing.assert_close(gradient, there)
