"""Addresses in checkpoints of a run, and on their way between devices and types."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

import dropout_kernels.torch as dk
from dropout_kernels import Address


def network(library: Any) -> nn.Module:
    return nn.Sequential(
        nn.Linear(8, 16), library.Dropout(0.5), nn.Sequential(library.AlphaDropout(0.2), nn.Linear(16, 2))
    )


@pytest.mark.parametrize("assign", [False, True])
def test_a_checkpoint_of_torch_nn_loads(assign: bool) -> None:
    there, here = network(nn), network(dk)
    dk.set_addresses(here, 42, step=7)
    result = here.load_state_dict(there.state_dict(), strict=True, assign=assign)
    assert not result.missing_keys and not result.unexpected_keys
    assert torch.equal(here[0].weight, there[0].weight)
    assert here[1].address == Address(42, 0, 7) and here[2][0].address == Address(42, 1, 7)


def test_half_an_address_and_foreign_keys_are_refused() -> None:
    for missing in "1.seed", "2.0.step":
        state = network(dk).state_dict()
        del state[missing]
        with pytest.raises(RuntimeError, match=f'Missing key.*"{missing}"'):
            network(dk).load_state_dict(state)
    with pytest.raises(RuntimeError, match='Unexpected key.*"1.weight"'):
        network(dk).load_state_dict({**network(nn).state_dict(), "1.weight": torch.ones(1)})


def test_a_checkpoint_from_here_loads_in_torch_nn() -> None:
    """As the README shows."""
    there, here = network(nn), network(dk)
    result = there.load_state_dict(here.state_dict(), strict=False)
    assert not result.missing_keys
    assert result.unexpected_keys == ["1.seed", "1.step", "2.0.seed", "2.0.step"]
    assert torch.equal(here[0].weight, there[0].weight)


MOVES = [
    lambda module: module.to(torch.float16),
    lambda module: module.half(),
    lambda module: module.double(),
    lambda module: module.type(torch.float32),
    lambda module: module.to("meta"),
    lambda module: module.to("meta").to_empty(device="cpu"),
    lambda module: module.to_empty(device="cpu"),
    lambda module: module.share_memory(),
    copy.deepcopy,
]


@pytest.mark.parametrize("move", MOVES)
def test_moves_change_no_address(move: Any) -> None:
    module = dk.Dropout(0.5)
    module(torch.ones(3))
    address = module.address
    moved = move(nn.Sequential(module))[0]
    assert moved.address == address and address.step == 1
    moved(torch.ones(3))
    assert moved.address == address._replace(step=2)


def test_meta_device() -> None:
    with torch.device("meta"):
        module, given = dk.Dropout(), dk.Dropout(seed=3)
    for built in module, given:
        built.to_empty(device="cpu")
        built.reset_parameters()
    assert given.address == Address(3) and module.address.seed not in (0, dk.Dropout().address.seed)


def test_reset_parameters() -> None:
    """A seed that was drawn is drawn anew; one that was given stays."""
    torch.manual_seed(0)
    first, second = dk.Dropout(), dk.Dropout()
    torch.manual_seed(0)
    again = dk.Dropout()
    assert again.address == first.address
    again(torch.ones(3))
    again.reset_parameters()
    assert again.address == second.address
    for module in dk.Dropout(seed=5, layer=2, offset=9), dk.Dropout():
        module.address = Address(5, 2, 7, 9)
        module.reset_parameters()
        assert module.address == Address(5, 2, 0, 9)


def test_buffers_that_others_have_moved() -> None:
    """Those without memory are refused, others come back."""
    module = dk.Dropout(0.5, seed=5)
    module._buffers["step"] = module.step.to("meta")
    with pytest.raises(RuntimeError, match="buffer step .* no memory: call reset_parameters"):
        module(torch.ones(3))
    module.reset_parameters()
    module._buffers["seed"] = module.seed.to(torch.int32)
    assert torch.equal(module(torch.ones(99)), dk.Dropout(0.5, seed=5)(torch.ones(99)))
    assert module.seed.dtype == torch.int64 and module.address == Address(5, 0, 1)
