"""The PyTorch modules, against the contract's masks and the modules of torch.nn."""

from __future__ import annotations

import copy
import gc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import contract
import dropout_kernels.torch as dk
from dropout_kernels import Address

DTYPES = torch.float32, torch.float64, torch.float16, torch.bfloat16
FIRST = Address(seed=2**64 - 7, layer=3, step=1000, offset=5)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def at(module: Any, address: Address = FIRST) -> Any:
    module.address = address
    return module


def keep(p: float, shape: tuple[int, ...], address: Address = FIRST) -> Tensor:
    return torch.from_numpy(contract.keep(address, p, int(np.prod(shape))).reshape(shape))


def expected_dropout(x: Tensor, p: float, mask: Tensor) -> Tensor:
    number = x.dtype if x.dtype in (torch.float32, torch.float64) else torch.float32
    kept = (x.to(number) * torch.tensor(contract.scale(p), dtype=number)).to(x.dtype)
    return torch.where(mask, kept, torch.zeros((), dtype=x.dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
def test_dropout_and_its_gradient(dtype: torch.dtype, p: float) -> None:
    module = at(dk.Dropout(p))
    x = torch.randn(7, 300).to(dtype).requires_grad_()
    grad = torch.randn(7, 300).to(dtype)
    mask = keep(p, (7, 300)) if p < 1 else torch.zeros(7, 300, dtype=torch.bool)
    y = module(x)
    factor = p if p < 1 else 0.0
    assert torch.equal(y, expected_dropout(x, factor, mask))
    y.backward(grad)
    assert torch.equal(x.grad, expected_dropout(grad, factor, mask))
    assert module.address == FIRST._replace(step=1001)
    if 0 < p < 1:
        next_mask = keep(p, (7, 300), module.address)
        assert torch.equal(module(x), expected_dropout(x, p, next_mask)) and not torch.equal(mask, next_mask)


def test_modules_are_those_of_torch_nn() -> None:
    for name in "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout":
        module = getattr(dk, name)(0.25, True)
        assert isinstance(module, getattr(nn, name)) and (module.p, module.inplace) == (0.25, True)
        assert repr(module) == f"{name}(p=0.25, inplace=True, layer=0)"
        with pytest.raises(ValueError, match="probability"):
            getattr(dk, name)(1.5)
        x = torch.randn(3, 4, 5)
        assert module.eval()(x) is x and module.address.step == 0


CASES = [
    (dk.Dropout1d, (3, 4, 50), 2, None),
    (dk.Dropout1d, (40, 50), 1, None),
    (dk.Dropout2d, (3, 4, 5, 6), 2, None),
    (dk.Dropout2d, (3, 4, 50), 2, "N x C x L"),
    (dk.Dropout2d, (3, 40), 2, "deprecates"),
    (dk.Dropout2d, (3, 4, 2, 2, 2), 2, "deprecates"),
    (dk.Dropout3d, (3, 4, 2, 3, 4), 2, None),
    (dk.Dropout3d, (40, 2, 3, 4), 1, None),
    (dk.Dropout3d, (40, 2, 3), 1, "deprecates"),
]


@pytest.mark.parametrize("module, shape, own, warning", CASES)
def test_feature_dropout(module: type[Any], shape: tuple[int, ...], own: int, warning: str | None) -> None:
    x = torch.randn(shape)
    mask = keep(0.4, shape[:own]).reshape(shape[:own] + (1,) * (len(shape) - own))
    for name in dk.__name__, nn.__name__:
        layer = at(module(0.4)) if name == dk.__name__ else getattr(nn, module.__name__)(0.4)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            y = layer(x)
        # PyTorch drops the same together, and warns of the same.
        maps = (y != 0).reshape(*shape[:own], -1)
        assert torch.equal(maps.any(-1), maps.all(-1)) and 0 < maps.float().mean() < 1
        assert len(caught) == (warning is not None)
        if name == dk.__name__:
            assert torch.equal(y, expected_dropout(x, 0.4, mask))
            assert all(warning in str(w.message) and w.filename == __file__ for w in caught)


def test_ranks_without_channels() -> None:
    for module, shape in (dk.Dropout1d, (3,)), (dk.Dropout1d, (1, 2, 3, 4)), (dk.FeatureAlphaDropout, (3,)):
        with pytest.raises(RuntimeError):
            getattr(nn, module.__name__)()(torch.ones(shape))
        with pytest.raises(RuntimeError, match=f"{module.__name__} of a tensor of {len(shape)} axes"):
            module()(torch.ones(shape))
    for module in dk.Dropout2d, dk.Dropout3d:
        with pytest.warns(UserWarning, match="deprecates"), pytest.raises(RuntimeError, match="axes"):
            module()(torch.ones(()))


def test_alpha_dropout() -> None:
    s, p = -1.7580993408473766, 0.25
    a = (0.75 + s * s * 0.75 * 0.25) ** -0.5
    for module, own in (dk.AlphaDropout, (6, 4, 5)), (dk.FeatureAlphaDropout, (6, 4, 1)):
        x = torch.randn(6, 4, 5, dtype=torch.float64, requires_grad=True)
        mask = keep(p, own)
        y = at(module(p))(x)
        torch.testing.assert_close(y, torch.where(mask, a * x - a * 0.25 * s, torch.tensor(a * 0.75 * s).double()))
        y.sum().backward()
        torch.testing.assert_close(x.grad, a * mask.double().expand(6, 4, 5))


def test_memory_formats() -> None:
    """Masks go by logical index; dense tensors keep their strides."""
    x = torch.randn(2, 3, 4, 5, requires_grad=True)
    with torch.no_grad():
        views = [
            x.contiguous(memory_format=torch.channels_last),
            x.permute(3, 0, 2, 1),
            x[:, :, ::2, 1:],
            x[:1, :1].expand(2, 3, 4, 5),
            x[1:, 2:].contiguous(memory_format=torch.channels_last),
            torch.randn(2, 1, 3, 1, 2, 1, 2, 1, 2).transpose(0, -1)[0].transpose(0, 4),
            torch.randn(2, 1, 3, 1, 2, 1, 2, 1, 2).transpose(0, -1),
            torch.randn(0, 4, 3, 2).transpose(1, 2),
            torch.complex(x, x)[:1, :1, :1, :1].conj().imag,
            torch.complex(x, x).conj().imag,
        ]
    for module in dk.Dropout(0.4), dk.FeatureAlphaDropout(0.4):
        for view in views:
            expected = at(module)(view.contiguous())
            y = at(module)(view)
            assert torch.equal(y, expected) and y.stride() == torch.empty_like(view).stride()
            module.inplace = True
            if 0 not in view.stride():
                target = view.clone(memory_format=torch.preserve_format)
                assert at(module)(target) is target and torch.equal(target, expected)
            module.inplace = False
    # The gradient of a sum is one number, expanded.
    at(dk.Dropout2d(0.4))(x).sum().backward()
    assert torch.equal(x.grad, expected_dropout(torch.ones(2, 3, 4, 5), 0.4, keep(0.4, (2, 3)).reshape(2, 3, 1, 1)))


def test_inplace_of_a_view_with_gaps() -> None:
    x = torch.randn(10, 10)
    before, expected = x.clone(), at(dk.Dropout(0.5))(x[:, 1::2].contiguous())
    at(dk.Dropout(0.5, inplace=True))(x[:, 1::2])
    assert torch.equal(x[:, 1::2], expected) and torch.equal(x[:, ::2], before[:, ::2])


def test_inplace_and_autograd() -> None:
    module = at(dk.Dropout(0.5, inplace=True))
    leaf = torch.ones(100, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        module(leaf)
    assert torch.equal(leaf, torch.ones(100))

    hidden = leaf * 3
    address = module.address
    assert module(hidden) is hidden
    hidden.sum().backward()
    assert torch.equal(leaf.grad, 3 * expected_dropout(torch.ones(100), 0.5, keep(0.5, (100,), address)))

    # What another operation has saved must not change unnoticed.
    x, weight = torch.ones(100), torch.ones(100, requires_grad=True)
    y = weight * x
    module(x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_inference_mode() -> None:
    """Monte-Carlo dropout: no gradients, and inputs that do not count their changes."""
    with torch.inference_mode():
        x = torch.ones(100)
        expected = expected_dropout(x, 0.5, keep(0.5, (100,)))
        assert torch.equal(at(dk.Dropout(0.5))(x), expected)
        assert at(dk.Dropout(0.5, inplace=True))(x) is x and torch.equal(x, expected)


def test_derivatives_of_all_kinds() -> None:
    """Reverse and forward mode, and second derivatives, against finite differences."""
    x = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    for module in dk.Dropout(0.3), dk.Dropout1d(0.3), dk.AlphaDropout(0.3), dk.FeatureAlphaDropout(0.3):
        assert torch.autograd.gradcheck(lambda x: at(module)(x), x, check_forward_ad=True)
        assert torch.autograd.gradgradcheck(lambda x: at(module)(x) ** 2, x)
        module.inplace = True
        assert torch.autograd.gradcheck(lambda x: at(module)(x.clone()), x, check_forward_ad=True)


def test_forward_mode_without_requires_grad() -> None:
    x, tangent = torch.randn(100), torch.randn(100)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, tangent)
        y, dy = torch.autograd.forward_ad.unpack_dual(at(dk.Dropout(0.3))(dual))
    mask = keep(0.3, (100,))
    assert torch.equal(y, expected_dropout(x, 0.3, mask)) and torch.equal(dy, expected_dropout(tangent, 0.3, mask))


def test_no_tensor_is_stored() -> None:
    saved: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        y = dk.Dropout(0.5)(torch.ones(1000, requires_grad=True))
    gc.collect()
    assert not saved and y.requires_grad and not y.grad_fn.saved_tensors


def test_seeds() -> None:
    a, b = dk.Dropout(), dk.Dropout()
    assert a.address.seed != b.address.seed
    torch.manual_seed(0)
    assert dk.Dropout().address == a.address
    assert dk.Dropout(seed=2**64 - 1, layer=2**32 - 1, offset=2**64 - 1).address == Address(
        2**64 - 1, 2**32 - 1, 0, 2**64 - 1
    )
    for bad in {"seed": 2**64}, {"seed": -1}, {"layer": 2**32}, {"offset": -1}:
        with pytest.raises(ValueError, match=next(iter(bad))):
            dk.Dropout(**bad)
    with pytest.raises(TypeError):
        dk.Dropout(seed=1.5)
    with torch.device("meta"):
        assert dk.Dropout(seed=3).address.seed == 3


def test_the_step_wraps() -> None:
    module = at(dk.Dropout(), FIRST._replace(step=2**32 - 1))
    module(torch.ones(5))
    assert module.address == FIRST._replace(step=0)


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 16), dk.Dropout(0.5), nn.Linear(16, 16), dk.AlphaDropout(0.2))


def test_copies_and_set_addresses() -> None:
    """Copies share masks until their layers are numbered."""
    layer = dk.Dropout(0.5)
    model = nn.ModuleList([copy.deepcopy(layer) for _ in range(3)])
    x = torch.ones(100)
    assert torch.equal(model[0](x), model[1](x))
    dk.set_addresses(model, 42, step=7, offset=1 << 40)
    assert [module.address for module in model] == [Address(42, layer, 7, 1 << 40) for layer in range(3)]
    assert torch.equal(model[1](x), expected_dropout(x, 0.5, keep(0.5, (100,), Address(42, 1, 7, 1 << 40))))


def test_state_dict_resumes_a_run() -> None:
    model, x = network(), torch.randn(4, 8)
    for _ in range(3):
        model(x)
    state = copy.deepcopy(model.state_dict())
    assert {"1.seed", "1.step", "3.seed", "3.step"} < set(state) and state["1.step"] == 3
    expected = [model(x) for _ in range(2)]
    for assign in False, True:
        resumed = network()
        resumed.load_state_dict(copy.deepcopy(state), assign=assign)
        assert all(torch.equal(resumed(x), y) for y in expected)
    assert {"1.seed", "1.step"} < {name for name, _ in model.named_buffers()}


class Block(nn.Module):
    """A module whose dropout is called twice in a pass. Without dropout, its gradient would not depend on the masks."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.linear, self.dropout = nn.Linear(16, 16), nn.Linear(16, 16), dk.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.linear(self.dropout(torch.tanh(self.inner(self.dropout(x))))))


Segment = Callable[[nn.Module, Tensor], Tensor]


def plain(block: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = block(x)
    return result


def checkpointed(block: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = checkpoint(block, x, use_reentrant=False, preserve_rng_state=False, context_fn=dk.same_masks)
    return result


def nested(block: nn.Module, x: Tensor) -> Tensor:
    return checkpointed(lambda x: checkpointed(block, torch.sin(x)) if block else x, x)  # type: ignore[arg-type]


def nested_plain(block: nn.Module, x: Tensor) -> Tensor:
    return plain(block, torch.sin(x))


@pytest.mark.parametrize("segment, reference", [(checkpointed, plain), (nested, nested_plain)])
def test_checkpointing(segment: Segment, reference: Segment) -> None:
    """Two blocks, two passes before the backward passes, one of them repeated: the gradients are those without."""

    def gradients(segment: Segment) -> list[Tensor]:
        torch.manual_seed(0)
        model = nn.ModuleList([Block(), Block()])
        x = torch.randn(4, 16, requires_grad=True)
        losses = [segment(model[1], segment(model[0], x * (i + 1))).pow(2).sum() for i in range(2)]
        losses[0].backward(retain_graph=True)
        losses[0].backward()
        losses[1].backward()
        assert [block.dropout.address.step for block in model] == [4, 4]
        return [x.grad] + [parameter.grad for parameter in model.parameters()]

    for here, there in zip(gradients(segment), gradients(reference), strict=True):
        assert torch.equal(here, there) and here.abs().sum() > 0


def test_checkpointing_without_same_masks_is_refused() -> None:
    x = torch.randn(4, 16, requires_grad=True)
    for reentrant in True, False:
        y = checkpoint(Block(), x, use_reentrant=reentrant)
        with pytest.raises(RuntimeError, match="context_fn=same_masks"):
            y.sum().backward()


def test_same_masks_by_hand() -> None:
    module, x = dk.Dropout(0.5), torch.ones(100)
    record, replay = dk.same_masks()
    with record:
        first = [module(x), module(x)]
    other = module(x)
    for _ in range(2):
        with replay:
            assert torch.equal(module(x), first[0]) and torch.equal(module(x), first[1])
    assert not torch.equal(other, first[0]) and module.address.step == 3
    with replay, pytest.raises(RuntimeError, match="other dropout modules"):
        dk.Dropout()(x)


def test_threads_are_those_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the size on at which the library cuts a tensor in two."""
    native, asked = dk._passes._native.run, []
    monkeypatch.setattr(dk._passes._native, "run", lambda *arguments: asked.append(arguments[-1]) or native(*arguments))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(5)
        for elements in 2**18 - 1, 2**18:
            dk.Dropout(0.5)(torch.ones(elements))
    finally:
        torch.set_num_threads(before)
    assert asked == [1, 5]


def test_threads_change_no_bit() -> None:
    x = torch.randn(4, 8, 128, 128)
    threads = torch.get_num_threads()
    results = []
    try:
        for number in 1, 2, 3:
            torch.set_num_threads(number)
            results.append([at(module)(x) for module in (dk.Dropout(0.1), dk.Dropout2d(0.1), dk.AlphaDropout(0.1))])
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for other in results[1:] for a, b in zip(results[0], other, strict=True))


def test_training_reaches_what_torch_nn_does() -> None:
    """A network learns with these modules in the place of PyTorch's."""
    x = torch.randn(512, 8)
    y = (x[:, :2].sum(1) > 0).long()
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), dk.Dropout(0.5), nn.Linear(64, 2))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    assert (model.eval()(x).argmax(1) == y).float().mean() > 0.95
