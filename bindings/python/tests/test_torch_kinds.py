"""The functions, the modules that torch.nn lacks, and the conversion of a model."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import contract
import dropout_kernels.numpy as arrays
import dropout_kernels.torch as dk
from dropout_kernels import Address

ADDRESS = Address(seed=2**64 - 7, layer=3, step=1000, offset=5)


def keep(p: float, shape: tuple[int, ...], offset: int = 5) -> Tensor:
    mask = contract.keep(ADDRESS._replace(offset=offset), p, int(np.prod(shape)))
    return torch.from_numpy(mask.reshape(shape))


def at(module: Any) -> Any:
    module.address = ADDRESS
    return module


def test_dropout() -> None:
    x = torch.randn(6, 5, 4, dtype=torch.float64, requires_grad=True)
    for shared, own in ((), (6, 5, 4)), ((2,), (6, 5, 1)), ((0, -1), (1, 5, 1)), ([1], (6, 1, 4)):
        mask = keep(0.3, own).expand(6, 5, 4)
        y = dk.dropout(x, 0.3, ADDRESS, shared=shared)
        torch.testing.assert_close(y, torch.where(mask, x / 0.7, 0.0))
        (gradient,) = torch.autograd.grad(y.sum(), x)
        torch.testing.assert_close(gradient, mask / torch.tensor(0.7, dtype=torch.float64))
        assert torch.equal(y, dk.dropout(x, 0.3, ADDRESS, shared=shared))
    changed = x.detach().clone()
    assert dk.dropout(changed, 0.3, ADDRESS, inplace=True) is changed and not torch.equal(changed, x)


FUNCTIONS: list[tuple[Callable[..., Tensor], Callable[..., Any], Callable[..., Any] | None]] = [
    (dk.dropout, arrays.dropout, arrays.dropout_backward),
    (dk.alpha_dropout, arrays.alpha_dropout, arrays.alpha_dropout_backward),
    (dk.gaussian_dropout, arrays.gaussian_dropout, arrays.gaussian_dropout_backward),
    (dk.gaussian_noise, arrays.gaussian_noise, None),
]


@pytest.mark.parametrize("function, forward, backward", FUNCTIONS)
@pytest.mark.parametrize("shared", [(), (1,), (0, 2)])
def test_functions_are_those_on_arrays(function: Any, forward: Any, backward: Any, shared: tuple[int, ...]) -> None:
    """Which are tested against the contract."""
    x = torch.randn(6, 5, 4, requires_grad=True)
    grad = torch.randn(6, 5, 4)
    y = function(x, 0.3, ADDRESS, shared=shared)
    np.testing.assert_array_equal(y.detach(), forward(x.detach().numpy(), 0.3, ADDRESS, shared=shared))
    y.backward(grad)
    expected = grad if backward is None else backward(grad.numpy(), 0.3, ADDRESS, shared=shared)
    np.testing.assert_array_equal(x.grad, expected)
    transposed = x.detach().transpose(0, 2).contiguous().transpose(0, 2)
    assert torch.equal(function(transposed, 0.3, ADDRESS, shared=shared), y)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("shared_channels", [False, True])
def test_drop_block(axes: int, shared_channels: bool) -> None:
    size = (2, 3, 2)[:axes]
    x = torch.randn(4, 3, *(6, 7, 5)[:axes])
    expected = arrays.drop_block(x.numpy(), 0.3, size, ADDRESS, shared_channels=shared_channels)
    assert 0 < (expected == 0).mean() < 1
    module = getattr(dk, f"DropBlock{axes}d")(0.3, size, shared_channels=shared_channels)
    last = x.movedim(1, -1).contiguous().movedim(-1, 1)
    for input in x, last:
        np.testing.assert_array_equal(at(module)(input), expected)
        np.testing.assert_array_equal(
            dk.drop_block(input, 0.3, size, ADDRESS, shared_channels=shared_channels), expected
        )
    leaf = x.clone().requires_grad_()
    grad = torch.randn_like(x)
    at(module)(leaf).backward(grad)
    np.testing.assert_array_equal(
        leaf.grad, arrays.drop_block(grad.numpy(), 0.3, size, ADDRESS, shared_channels=shared_channels)
    )
    assert getattr(dk, f"DropBlock{axes}d")(0.3, 2).block_size == (2,) * axes
    assert module.eval()(x) is x


def test_drop_path() -> None:
    """Samples of any number of axes, each as a whole."""
    for shape in (200,), (200, 3), (200, 3, 2, 2), (200,) + (1,) * 9:
        x = torch.randn(shape)
        mask = keep(0.3, (200,)).reshape(200, *(1,) * (len(shape) - 1)).expand(shape)
        torch.testing.assert_close(at(dk.DropPath(0.3))(x), torch.where(mask, x / 0.7, 0.0))


def test_gaussian_modules() -> None:
    x = torch.randn(300)
    assert torch.equal(at(dk.GaussianDropout(0.3))(x), dk.gaussian_dropout(x, 0.3, ADDRESS))
    assert torch.equal(at(dk.GaussianNoise(2.0))(x), dk.gaussian_noise(x, 2.0, ADDRESS))
    assert repr(dk.GaussianNoise(2.0)) == "GaussianNoise(deviation=2.0, inplace=False, layer=0)"
    assert dk.GaussianNoise(2.0).deviation == 2.0
    for module in dk.GaussianDropout(0.3), dk.GaussianNoise(2.0), dk.DropPath(0.3):
        assert module.eval()(x) is x and module.address.step == 0
        module.train()(x)
        assert module.address.step == 1


def test_derivatives() -> None:
    x = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    for module in dk.DropPath(0.3), dk.GaussianDropout(0.3), dk.GaussianNoise(0.3), dk.DropBlock1d(0.3, 2):
        for inplace in False, True:
            module.inplace = inplace
            assert torch.autograd.gradcheck(lambda x: at(module)(x * 1), x, check_forward_ad=True)
            assert torch.autograd.gradgradcheck(lambda x: at(module)(x * 1) ** 2, x)


def test_parts_are_those_of_the_whole() -> None:
    """Shards along any axes, in memory of any order."""
    whole = torch.randn(6, 4, 5)
    for function, shared in (dk.dropout, ()), (dk.dropout, (2,)), (dk.alpha_dropout, (0,)), (dk.gaussian_noise, ()):
        expected = function(whole, 0.3, ADDRESS, shared=shared)
        for start, shape in ((0, 0, 0), (6, 4, 5)), ((3, 0, 0), (3, 4, 5)), ((1, 2, 1), (4, 2, 3)):
            index = tuple(slice(at, at + extent) for at, extent in zip(start, shape, strict=True))
            turned = whole[index].transpose(0, 1).contiguous().transpose(0, 1)
            for shard in whole[index].contiguous(), whole[index], turned:
                y = function(shard, 0.3, ADDRESS, shared=shared, part=((6, 4, 5), start))
                assert torch.equal(y, expected[index])
    module = at(dk.Dropout1d(0.3))
    expected = module(whole)
    module = at(dk.Dropout1d(0.3))
    module.part = (6, 4, 5), (2, 0, 0)
    shard = whole[2:4].clone().requires_grad_()
    y = module(shard)
    assert torch.equal(y, expected[2:4])
    y.sum().backward()
    torch.testing.assert_close(shard.grad, (expected[2:4] != 0) / torch.tensor(0.7))
    module = dk.DropBlock1d(0.3, 2)
    module.part = (6, 4, 5), (2, 0, 0)
    with pytest.raises(ValueError, match="DropBlock of a part"):
        module(whole[2:4])


class Custom(nn.Dropout):
    """A class of a user's own."""


def model() -> nn.Module:
    shared = nn.Dropout(0.2)
    return nn.ModuleDict(
        {
            "layers": nn.Sequential(
                nn.Dropout(0.1), nn.Dropout1d(0.2), nn.Dropout2d(0.3), nn.Dropout3d(0.4, True), nn.AlphaDropout(0.5),
                nn.FeatureAlphaDropout(0.6),
            ),
            "shared": nn.ModuleList([shared, shared]),
            "encoder": nn.TransformerEncoderLayer(8, 2, 16, 0.1),
            "quiet": nn.LSTM(8, 8, 2),
            "recurrent": nn.LSTM(8, 8, 2, dropout=0.1),
            "custom": Custom(0.1),
            "here": dk.Dropout(0.1),
        }
    )  # fmt: skip


def test_convert() -> None:
    torch.manual_seed(0)
    before = model()
    torch.manual_seed(0)
    here = model().eval()
    calls: list[Any] = []
    here["layers"][0].register_forward_hook(lambda *arguments: calls.append(arguments))
    objects = list(here.modules())
    parameters = {name: value for name, value in here.named_parameters()}
    address = here["here"].address
    assert dk.convert(here) == ["encoder.self_attn", "recurrent", "custom"]
    assert list(here.modules()) == objects and not here.training
    for old, new in zip(before.modules(), here.modules(), strict=True):
        if type(old).__module__ == "torch.nn.modules.dropout":
            assert type(new) is getattr(dk, type(old).__name__) and (old.p, old.inplace) == (new.p, new.inplace)
        else:
            assert type(new) is type(old)
    assert here["here"].address == address and here["shared"][0] is here["shared"][1]
    seeds = [module.address.seed for module in here.modules() if isinstance(module, dk.Dropout)]
    assert len(set(seeds)) == len(seeds) == 6
    assert all(value is parameters[name] for name, value in here.named_parameters())

    here.train()
    x = torch.ones(1000)
    assert torch.equal(here["layers"][0](x), dk.dropout(x, 0.1, here["layers"][0].address._replace(step=0)))
    assert len(calls) == 1
    assert dk.convert(here) == ["encoder.self_attn", "recurrent", "custom"]  # and changes nothing
    assert here["layers"][0].address.step == 1
    here.load_state_dict(before.state_dict(), strict=False)
    copy.deepcopy(here)


def test_convert_one_module() -> None:
    module = nn.Dropout(0.3)
    assert dk.convert(module) == [] and type(module) is dk.Dropout
    assert (module(torch.ones(1000)) == 0).sum().item() == pytest.approx(300, abs=90)
