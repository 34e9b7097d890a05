"""The modules and functions under torch.compile, torch.export, make_fx and torch.jit.trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import dropout_kernels.torch as dk
from dropout_kernels import Address

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

ADDRESS = Address(seed=2**64 - 7, layer=2**32 - 1, step=2**32 - 1, offset=2**63 + 5)
MODULES: list[Callable[[], Any]] = [
    lambda: dk.Dropout(0.3),
    lambda: dk.Dropout(0.3, inplace=True),
    lambda: dk.Dropout2d(0.3),
    lambda: dk.AlphaDropout(0.3),
    lambda: dk.DropPath(0.3),
    lambda: dk.GaussianDropout(0.3),
    lambda: dk.GaussianNoise(0.3),
    lambda: dk.DropBlock2d(0.3, 2),
]


class Block(nn.Module):
    """A dropout between two that are not, called twice a pass."""

    def __init__(self, dropout: Any) -> None:
        super().__init__()
        self.dropout = dropout
        dropout.address = ADDRESS

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.dropout(self.dropout(x * 2) + 1))


def passes(block: Any, address: Any, count: int = 3) -> list[Tensor]:
    """Values and gradients of some passes, and the address after them."""
    results = []
    for i in range(count):
        x = torch.linspace(-1, 1, 320).reshape(4, 5, 4, 4).mul(i + 1).requires_grad_()
        y = block(x)
        y.sum().backward()
        results += [y.detach(), x.grad]
    return [*results, torch.tensor(address().step)]


@pytest.mark.parametrize("build", MODULES)
@pytest.mark.parametrize("backend", ["eager", "aot_eager", "aot_eager_decomp_partition"])
def test_compile(build: Callable[[], Any], backend: str) -> None:
    """Without a break of the graph: the values, the gradients and the steps of the eager module."""
    block = Block(build())
    expected = passes(block, lambda: block.dropout.address)
    block = Block(build())
    torch._dynamo.reset()
    compiled = torch.compile(block, backend=backend, fullgraph=True)
    for here, there in zip(passes(compiled, lambda: block.dropout.address), expected, strict=True):
        torch.testing.assert_close(here, there)


def test_checkpoints_within_compile_are_refused() -> None:
    """The recomputed pass would have another mask."""
    from torch.utils.checkpoint import checkpoint

    block = Block(dk.Dropout(0.3))
    torch._dynamo.reset()
    compiled = torch.compile(lambda x: checkpoint(block, x, use_reentrant=False), backend="aot_eager", fullgraph=True)
    y = compiled(torch.ones(4, 8, requires_grad=True))
    with pytest.raises(RuntimeError, match="Within torch.compile"):
        y.sum().backward()


def test_compile_functions() -> None:
    def function(x: Tensor) -> Tensor:
        return dk.dropout(x * 2, 0.3, Address(7, 1, 2, 3), shared=(2, 3)) + dk.drop_block(x, 0.1, (2, 2), ADDRESS)

    torch._dynamo.reset()
    x = torch.randn(4, 5, 6, 6)
    assert torch.equal(torch.compile(function, backend="aot_eager", fullgraph=True)(x), function(x))


@pytest.mark.parametrize("strict", [False, True])
def test_export(strict: bool) -> None:
    expected = passes(block := Block(dk.Dropout(0.3)), lambda: block.dropout.address)
    block = Block(dk.Dropout(0.3))
    program = torch.export.export(block.train(), (torch.zeros(4, 5, 4, 4, requires_grad=True),), strict=strict)
    assert any("dropout_kernels.drop" in str(node.target) for node in program.graph.nodes)
    module = program.module()
    results = passes(module, lambda: ADDRESS._replace(step=int(module.get_buffer("dropout.step"))))
    for here, there in zip(results, expected, strict=True):
        torch.testing.assert_close(here, there, rtol=0, atol=0)


def make_fx(block: Any, x: Tensor) -> Any:
    from torch.fx.experimental.proxy_tensor import make_fx

    return make_fx(block)(x)


def jit_trace(block: Any, x: Tensor) -> Any:
    return torch.jit.trace(block, x, check_trace=False)


@pytest.mark.parametrize("build", MODULES)
@pytest.mark.parametrize("trace", [make_fx, jit_trace])
def test_traces(trace: Callable[[Any, Tensor], Any], build: Callable[[], Any]) -> None:
    """A trace is a pass, and what it gives counts on with the masks of the eager module."""
    x = torch.linspace(-1, 1, 320).reshape(4, 5, 4, 4)
    block = Block(build())
    expected = [block(x) for _ in range(4)][1:]
    graph = trace(Block(build()), x)
    for there in expected:
        assert torch.equal(graph(x), there)


@pytest.mark.parametrize("trace", [make_fx, jit_trace])
def test_traces_of_functions(trace: Callable[[Any, Tensor], Any]) -> None:
    x = torch.randn(1000)
    expected = dk.dropout(x, 0.3, ADDRESS)
    graph = trace(lambda x: dk.dropout(x, 0.3, ADDRESS), torch.zeros(1000))
    assert torch.equal(graph(x), expected) and torch.equal(graph(x), expected)


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # of PyTorch's own check
def test_the_operator_is_one_of_pytorch() -> None:
    """PyTorch's own checks of the schema, the fake implementation and the derivative."""
    numbers = torch.tensor(5), torch.tensor(6)
    for x in torch.randn(3, 4, 5, requires_grad=True), torch.randn(3, 4, 5).transpose(0, 2)[:, ::2]:
        for kind in range(5):
            torch.library.opcheck(
                torch.ops.dropout_kernels.drop.default, (x, kind, 0.3, *numbers, 1, 2, [1], [], [])
            )
    torch.library.opcheck(torch.ops.dropout_kernels.count.default, (torch.tensor(2**32 - 1),))
    step = torch.tensor(2**32 - 1)
    assert torch.ops.dropout_kernels.count(step) == 2**32 - 1 and step == 0
    x = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    drop = torch.ops.dropout_kernels.drop
    assert torch.autograd.gradcheck(lambda x: drop(x, 0, 0.3, *numbers, 1, 2, [], [6, 4, 5], [3, 0, 0]), x)
    assert torch.autograd.gradgradcheck(lambda x: drop(x, 1, 0.3, *numbers, 1, 2, [], [], []).pow(2), x)


def test_fake_tensors_and_other_modes() -> None:
    """A mode sees an operator, so that memory it does not have is not read."""
    from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
    from torch.utils.flop_counter import FlopCounterMode

    outside = dk.Dropout(0.3)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        for module in outside, dk.Dropout(0.3), dk.Dropout(0.3, seed=1):
            fake = module(mode.from_tensor(torch.ones(5)))
    assert isinstance(fake, FakeTensor) and fake.shape == (5,)
    module = dk.Dropout(0.3, seed=1)
    expected = module(torch.ones(100))
    module = dk.Dropout(0.3, seed=1)
    with FlopCounterMode(display=False):
        assert torch.equal(module(torch.ones(100)), expected) and module.address.step == 1
