"""What PyTorch asks of its own dropout, asked of these modules and of PyTorch's after `install()`; and training."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import dropout_kernels.torch as dk

P = 0.2


@pytest.fixture(params=["modules", "install"])
def library(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Where the modules come from."""
    torch.manual_seed(0)
    if request.param == "modules":
        yield dk
    else:
        with dk.install():
            yield nn


SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "Dropout": ((1000,), (20, 50), (5, 4, 5, 10)),
    "Dropout1d": ((50, 20, 5), (1000, 4)),
    "Dropout2d": ((50, 20, 3, 3),),
    "Dropout3d": ((50, 20, 2, 2, 2), (1000, 2, 2, 2)),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("inplace", [False, True])
def test_mean_and_gradient(library: Any, name: str, inplace: bool) -> None:
    """Ones keep their mean, and the gradient is the output."""
    for shape in SHAPES[name]:
        module = getattr(library, name)(P, inplace=inplace)
        leaf = torch.ones(shape, requires_grad=True)
        x = leaf * 1
        y = module(x)
        assert (y is x) == inplace and y.mean().item() == pytest.approx(1, abs=0.1)
        kept = y[y != 0]
        torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - P)))
        y.sum().backward()
        assert torch.equal(leaf.grad, y)


@pytest.mark.parametrize("name", ["Dropout1d", "Dropout2d", "Dropout3d"])
def test_channels_are_dropped_as_a_whole(library: Any, name: str) -> None:
    axes = int(name[-2])
    for shape in (30, 40, *(3,) * axes), (400, *(3,) * axes):
        if name == "Dropout2d" and len(shape) == 3:
            continue  # which is N x C x L there
        y = getattr(library, name)(P)(torch.ones(shape)).flatten(-axes)
        assert torch.equal((y == 0).any(-1), (y == 0).all(-1)) and 0 < (y == 0).sum() < y.numel()


@pytest.mark.parametrize("name", ["Dropout1d", "Dropout3d"])
def test_without_a_batch_the_mask_is_that_of_a_batch_of_one(library: Any, name: str) -> None:
    x = torch.ones(40, *(3,) * int(name[-2]))
    results = []
    for input in x, x[None]:
        torch.manual_seed(1)
        results.append(getattr(library, name)(P)(input).reshape(x.shape))
    assert torch.equal(*results)


@pytest.mark.parametrize("name", ["AlphaDropout", "FeatureAlphaDropout"])
def test_alpha_dropout_keeps_mean_and_deviation(library: Any, name: str) -> None:
    """Of SELU's fixed point, whatever p."""
    x = torch.randn(500, 500, 1)
    for p in 0.2, 0.5, 0.8:
        y = getattr(library, name)(p)(x)
        assert y.mean().item() == pytest.approx(0, abs=0.02) and y.std().item() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("name", [*SHAPES, "AlphaDropout", "FeatureAlphaDropout"])
def test_edges(library: Any, name: str) -> None:
    """Empty tensors, p = 0 and 1, evaluation, and rates that are none."""
    x = torch.randn(4, 5, *(2,) * max(1, int(name[-2]) if name[-2].isdigit() else 1))
    kind = getattr(library, name)
    empty = x[:0].clone().requires_grad_()
    y = kind(P)(empty)
    assert y.shape == empty.shape
    y.sum().backward()
    torch.testing.assert_close(kind(0.0)(x), x)
    assert torch.equal(kind(P).eval()(x), x)
    assert "Alpha" in name or not kind(1.0)(x).any()
    for p in -0.1, 1.1:
        with pytest.raises(ValueError, match="between 0 and 1"):
            kind(p)


def test_masks_differ_from_call_to_call(library: Any) -> None:
    module, x = library.Dropout(0.5), torch.ones(100)
    assert len({tuple(module(x).tolist()) for _ in range(20)}) == 20


class Transformer(nn.Module):
    """Says which of two tokens is more frequent."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(2, 16)
        self.body = nn.TransformerEncoderLayer(16, 2, 32, 0.1, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.body(self.embed(x)).mean(1))
        return result


class Recurrent(nn.Module):
    """The same."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(2, 16)
        self.body = nn.LSTM(16, 16, 2, dropout=0.2, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.body(self.embed(x))[0].mean(1))
        return result


def curve(build: Callable[[], nn.Module], seed: int) -> list[float]:
    """The mean losses of quarters of a training run."""
    torch.manual_seed(seed)
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    losses = []
    for _ in range(60):
        x = torch.randint(0, 2, (32, 9))
        loss = nn.functional.cross_entropy(model(x), (x.sum(1) > 4).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [statistics.mean(losses[start : start + 15]) for start in range(0, 60, 15)]


@pytest.mark.parametrize("build", [Transformer, Recurrent])
def test_training_goes_as_it_does_with_torch(build: Callable[[], nn.Module]) -> None:
    """Five runs each way: in each quarter the means differ by no more than runs do. The same seed trains the same."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        runs = []
        for context in contextlib.nullcontext, dk.install:
            with context():
                runs.append([curve(build, seed) for seed in range(5)])
                assert curve(build, 0) == runs[-1][0]
    finally:
        torch.set_num_threads(before)
    for there, here in zip(zip(*runs[0]), zip(*runs[1]), strict=True):
        spread = max(statistics.stdev(there), statistics.stdev(here), 0.01)
        assert abs(statistics.mean(there) - statistics.mean(here)) < 2 * spread
    assert runs[0] != runs[1] and all(run[-1] < 0.75 * run[0] for run in runs[1])
