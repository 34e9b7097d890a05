"""Every dropout of PyTorch on the CPU, by `install()`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import contract
import dropout_kernels.torch as dk
from dropout_kernels import Address

P = 0.25


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    torch.manual_seed(0)
    with dk.install():
        yield


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of the passes that the library makes."""
    seen: list[tuple[int, ...]] = []
    run = dk._passes.run

    def counted(x: Tensor, *arguments: Any) -> Tensor:
        seen.append(tuple(x.shape))
        return run(x, *arguments)

    monkeypatch.setattr(dk._passes, "run", counted)
    return seen


def next_mask(p: float, decisions: int) -> Tensor:
    """That of the next call, whose seed is the next number that PyTorch's generator gives."""
    state = torch.get_rng_state()
    seed = int(torch.zeros((), dtype=torch.int64).random_())
    torch.set_rng_state(state)
    return torch.from_numpy(contract.keep(Address(seed), p, decisions))


def alpha(p: float) -> tuple[float, float, float]:
    """a, b and the value of dropped elements."""
    s, q = -1.7580993408473766, 1 - p
    a = (q + s * s * q * p) ** -0.5
    return a, -a * p * s, a * q * s


@pytest.mark.parametrize("inplace", [False, True])
def test_the_eight_operators(inplace: bool) -> None:
    """Values and gradients on the contract's masks."""
    a, b, dropped = alpha(P)
    for function, maps, kept, added, value in (
        (F.dropout, False, 1 / (1 - P), 0.0, 0.0),
        (F.feature_alpha_dropout, True, a, b, dropped),
        (F.alpha_dropout, False, a, b, dropped),
        (F.dropout2d, True, 1 / (1 - P), 0.0, 0.0),
    ):
        leaf = torch.randn(6, 5, 4, 3, dtype=torch.float64, requires_grad=True)
        x = leaf * 1
        mask = next_mask(P, 30 if maps else 360).reshape((6, 5, 1, 1) if maps else (6, 5, 4, 3)).expand(6, 5, 4, 3)
        before = x.detach().clone()
        y = function(x, P, True, inplace)
        assert (y is x) == inplace
        expected = torch.where(mask, before * kept + added, torch.tensor(value, dtype=torch.float64))
        torch.testing.assert_close(y, expected)
        y.sum().backward()
        torch.testing.assert_close(leaf.grad, mask.double() * kept)


def attention(**arguments: Any) -> Callable[[Tensor], Tensor]:
    module = nn.MultiheadAttention(8, 2, dropout=P, batch_first=True)
    return lambda x: module(x, x, x, **arguments)[0]


def recurrent(kind: type[nn.RNNBase]) -> Callable[[Tensor], Tensor]:
    module = kind(8, 8, 3, dropout=P, batch_first=True)
    return lambda x: module(x)[0]


def scripted(x: Tensor) -> Tensor:
    return F.dropout(x, 0.25)


MODELS: list[tuple[str, Callable[[], Callable[[Tensor], Tensor]], int]] = [
    ("F.dropout", lambda: lambda x: F.dropout(x, P), 1),
    ("nn.Dropout", lambda: nn.Dropout(P), 1),
    ("nn.Dropout in place", lambda: lambda x: nn.Dropout(P, True)(x * 1), 1),
    ("nn.Dropout1d", lambda: nn.Dropout1d(P), 1),
    ("nn.Dropout1d of C x L", lambda: lambda x: nn.Dropout1d(P)(x[0]), 1),
    ("nn.AlphaDropout", lambda: nn.AlphaDropout(P), 1),
    ("nn.FeatureAlphaDropout", lambda: nn.FeatureAlphaDropout(P), 1),
    ("attention", lambda: attention(), 1),
    ("attention without weights", lambda: attention(need_weights=False), 1),
    ("scaled_dot_product_attention", lambda: lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=P), 1),
    ("nn.LSTM", lambda: recurrent(nn.LSTM), 2),
    ("nn.GRU", lambda: recurrent(nn.GRU), 2),
    ("nn.RNN", lambda: recurrent(nn.RNN), 2),
    ("nn.TransformerEncoderLayer", lambda: nn.TransformerEncoderLayer(8, 2, 16, P, batch_first=True), 4),
    ("nn.TransformerDecoderLayer",
     lambda: (lambda m: lambda x: m(x, x))(nn.TransformerDecoderLayer(8, 2, 16, P, batch_first=True)), 6),
    ("torch.jit.script", lambda: torch.jit.script(scripted), 1),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("name, build, calls", MODELS, ids=[name for name, _, _ in MODELS])
def test_what_is_reached(name: str, build: Any, calls: int, passes: list[Any]) -> None:
    """Each dropout once in each pass, in inference mode too; and the same manual_seed gives the same masks."""
    model, x = build(), torch.randn(3, 5, 8, requires_grad=True)
    results = []
    for _ in range(2):
        passes.clear()
        x.grad = None
        torch.manual_seed(1)
        y = model(x)
        assert len(passes) == calls
        y.pow(2).sum().backward()
        # The second derivative is not that of the pass: as many again.
        assert len(passes) == 2 * calls
        results.append((y.detach(), x.grad))
    for first, second in zip(*results, strict=True):
        assert torch.equal(first, second)
    torch.manual_seed(1)
    with torch.inference_mode():
        passes.clear()
        # Recurrent networks have other kernels there.
        torch.testing.assert_close(model(x.detach()), results[0][0])
        assert len(passes) == calls
    assert not torch.equal(model(x), results[0][0])


def test_masks_are_on_both_sides_of_a_layer() -> None:
    torch.manual_seed(5)
    y = F.dropout(torch.ones(1000), 0.5)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        assert torch.equal(y, F.dropout(torch.ones(1000), 0.5))
    assert not torch.equal(y, F.dropout(torch.ones(1000), 0.5))


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_needs_nothing(reentrant: bool) -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, 0.5, batch_first=True)
    gradients = []
    for segment in (lambda x: layer(x)), (lambda x: checkpoint(layer, x, use_reentrant=reentrant)):
        torch.manual_seed(3)
        layer.zero_grad()
        x = torch.linspace(-1, 1, 80).reshape(2, 5, 8).requires_grad_()
        segment(x).pow(2).sum().backward()
        gradients.append([x.grad, *(parameter.grad for parameter in layer.parameters())])
    for here, there in zip(*gradients, strict=True):
        assert torch.equal(here, there)


class Tagged(Tensor):
    """A subclass without anything of its own."""


def batched(x: Tensor) -> Tensor:
    return torch.func.vmap(lambda row: F.dropout(row, P), randomness="different")(x)


def fake(x: Tensor) -> Tensor:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode() as mode:
        return F.dropout(mode.from_tensor(x), P)


def compiled(x: Tensor) -> Tensor:
    result: Tensor = torch.compile(lambda x: F.dropout(x, P) * 2, backend="aot_eager", fullgraph=True)(x)
    return result


def symbolic(x: Tensor) -> Tensor:
    from torch.fx.experimental.proxy_tensor import make_fx

    graph = make_fx(lambda x: F.dropout(x, P))(x)
    assert any("bernoulli" in str(node.target) for node in graph.graph.nodes)
    result: Tensor = graph(x)
    return result


def jagged(x: Tensor) -> Tensor:
    result: Tensor = F.dropout(torch.nested.nested_tensor_from_jagged(x, torch.tensor([0, 3, 40])), P).values()
    return result


def nested(x: Tensor) -> Tensor:
    return F.dropout(torch.nested.as_nested_tensor([x[:3], x[3:]]), P).to_padded_tensor(0.0)


LEFT: list[Callable[[Tensor], Tensor]] = [
    jagged,
    nested,
    lambda x: F.dropout(x.to("meta"), P),
    lambda x: F.dropout(x.to(torch.complex64), P),
    lambda x: F.dropout(x.as_subclass(Tagged), P),
    lambda x: torch.func.grad(lambda x: F.dropout(x, P).sum())(x),
    batched,
    fake,
    compiled,
    symbolic,
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:.*nested:UserWarning")
@pytest.mark.parametrize("call", LEFT)
@pytest.mark.parametrize("gradients", [False, True])
def test_what_is_left_to_torch(call: Callable[[Tensor], Tensor], gradients: bool, passes: list[Any]) -> None:
    """The same as without `install()`, to the bit."""
    x = torch.rand(40, 5).add_(1).requires_grad_(gradients)
    torch._dynamo.reset()
    torch.manual_seed(7)
    here = call(x)
    assert not passes
    dk.uninstall()
    torch._dynamo.reset()
    torch.manual_seed(7)
    there = call(x)
    assert type(here) is type(there)
    assert here.device == there.device and here.dtype == there.dtype and here.requires_grad == there.requires_grad
    if here.device.type == "cpu" and type(here) in (Tensor, Tagged):
        assert torch.equal(here, there)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("trace", ["torch.jit.trace", "torch.export"])
def test_what_was_traced_is_reached_when_it_runs(trace: str, passes: list[Any]) -> None:
    x = torch.ones(1000)
    if trace == "torch.export":
        graph = torch.export.export(nn.Dropout(0.5).train(), (x,)).module()
    else:
        graph = torch.jit.trace(lambda x: F.dropout(x, 0.5), x, check_trace=False)
    passes.clear()
    assert 300 < (graph(x) == 0).sum() < 700 and not torch.equal(graph(x), graph(x))
    assert len(passes) == 3


def test_evaluation_and_p_0_and_1() -> None:
    x = torch.randn(50, requires_grad=True)
    before = torch.get_rng_state()
    assert F.dropout(x, 0.5, False) is x or F.dropout(x, 0.5, False).data_ptr() == x.data_ptr()
    assert torch.equal(F.dropout(x, 0.0), x) and torch.equal(torch.get_rng_state(), before)
    assert not F.dropout(x, 1.0).any()
    for p in -0.1, 1.1:
        for train in False, True:
            with pytest.raises(RuntimeError, match="between 0 and 1"):
                torch.dropout(x, p, train)
    with pytest.raises(RuntimeError, match="at least 2 dimensions"):
        torch.feature_dropout(x, 0.5, True)
    assert F.dropout(torch.ones(0, 3), 0.5).shape == (0, 3)


def test_a_thread_that_begins_in_inference_mode() -> None:
    """What it draws with must be of use afterwards."""

    def run() -> Tensor:
        with torch.inference_mode():
            F.dropout(torch.ones(5), 0.5)
        return F.dropout(torch.ones(5), 0.5)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run).result().shape == (5,)


def test_in_place_on_a_leaf_is_refused() -> None:
    with pytest.raises(RuntimeError, match="leaf"):
        F.dropout(torch.ones(5, requires_grad=True), 0.5, inplace=True)


def test_uninstall_and_nesting(passes: list[Any]) -> None:
    x = torch.ones(100)
    with dk.install():
        F.dropout(x, 0.5)
    F.dropout(x, 0.5)
    assert len(passes) == 2  # what was installed before stays
    dk.uninstall()
    dk.uninstall()
    F.dropout(x, 0.5)
    assert len(passes) == 2
    for _ in range(3):
        with dk.install():
            F.dropout(x, 0.5)
        F.dropout(x, 0.5)
    assert len(passes) == 5


def test_nothing_is_warned_of() -> None:
    dk.uninstall()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            with dk.install():
                F.dropout(torch.ones(5), 0.5)


@pytest.mark.parametrize("gradients", [False, True])
def test_compiling_before_and_after(gradients: bool) -> None:
    """No call of what was compiled or traced in another state is in the way."""
    x = torch.rand(100).requires_grad_(gradients)
    results = []
    for change in dk.uninstall, dk.install, dk.uninstall:
        change()
        torch._dynamo.reset()
        torch.manual_seed(2)
        results.append(compiled(x))
        if gradients:
            results[-1].sum().backward()
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])


class Drops(torch.utils.data.Dataset[Tensor]):
    """Each item is dropped by the worker that loads it."""

    def __init__(self, dropout: Callable[[Tensor], Tensor]) -> None:
        self._dropout = dropout

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Tensor:
        return self._dropout(torch.ones(64))


def functional(x: Tensor) -> Tensor:
    return F.dropout(x, 0.5)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("dropout", [functional, dk.Dropout(0.5, seed=42)])
def test_workers_of_a_data_loader(dropout: Any) -> None:
    """Each has masks of its own, in each epoch, and all come again with the same manual_seed."""

    def epochs() -> list[Tensor]:
        torch.manual_seed(11)
        loader = torch.utils.data.DataLoader(Drops(dropout), batch_size=1, num_workers=2)
        return [item for _ in range(2) for item in loader]

    masks = epochs()
    assert len({tuple(mask.flatten().tolist()) for mask in masks}) == 4
    assert all(torch.equal(here, there) for here, there in zip(epochs(), masks, strict=True))
