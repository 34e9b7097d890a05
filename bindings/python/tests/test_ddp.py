"""Data-parallel training on two processes, against one process."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed, multiprocessing, nn

import dropout_kernels.torch as dk

BATCH, FEATURES = 8, 32


def network() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, FEATURES), dk.Dropout(0.5), nn.Tanh(), nn.Linear(FEATURES, 1))


def gradients(model: Any, x: Any) -> list[Any]:
    for _ in range(2):
        model.zero_grad()
        model(x).pow(2).mean().backward()
    return [parameter.grad for parameter in model.parameters()]


def run_rank(rank: int, folder: Path) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    torch.set_num_threads(1)
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
    multiprocessing.spawn(run_rank, (tmp_path,), nprocs=2)
    model = network()
    dk.set_addresses(model, 42)
    expected = gradients(model, torch.linspace(-1, 1, BATCH * 4).reshape(BATCH, 4))
    for rank in range(2):
        here, address = torch.load(tmp_path / f"rank{rank}", weights_only=False)
        assert address == (42, 0, 2, rank * (BATCH // 2) * FEATURES)
        for gradient, there in zip(here, expected, strict=True):
            torch.testing.assert_close(gradient, there)
