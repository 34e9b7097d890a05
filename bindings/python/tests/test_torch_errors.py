"""What the modules and functions refuse, in words, and that a refused pass takes no step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import dropout_kernels.torch as dk
from dropout_kernels import Address

ADDRESS = Address(seed=42, layer=3, step=1000, offset=5)


def broken(**attributes: Any) -> dk.Dropout:
    module = dk.Dropout(0.5, seed=42)
    for name, value in attributes.items():
        setattr(module, name, value)
    return module


X = torch.ones(4, 6)
REFUSED: list[tuple[str, type[Exception], str, Any, Callable[[], Any]]] = [
    ("another device", RuntimeError, "on meta: .* Use the modules and functions of torch.nn there", broken(),
     lambda: X.to("meta")),
    ("integers", TypeError, "a tensor of torch.int64: expected one of torch.float32", broken(), lambda: X.long()),
    ("complex numbers", TypeError, "a tensor of torch.complex64", broken(), lambda: X.to(torch.complex64)),
    ("an array", TypeError, "input is a ndarray: expected a Tensor", broken(), lambda: X.numpy()),
    ("a jagged tensor", TypeError, "a nested tensor", broken(),
     lambda: torch.nested.nested_tensor([torch.ones(3, 4), torch.ones(2, 4)], layout=torch.jagged)),
    ("a list", TypeError, "input is a list: expected a Tensor", broken(), lambda: [1.0]),
    ("a list for 1d", TypeError, "input is a list", dk.Dropout1d(), lambda: [1.0]),
    ("a list for DropBlock", TypeError, "input is a list", dk.DropBlock2d(0.1, 2), lambda: [1.0]),
    ("a rate", ValueError, "rate p = 2", broken(p=2.0), lambda: X),
    ("a rate's type", TypeError, "p a: expected a number", broken(p="a"), lambda: X),
    ("a layer", ValueError, "layer -1", broken(layer=-1), lambda: X),
    ("an offset", ValueError, "offset 18446744073709551616", broken(offset=2**64), lambda: X),
    ("too large an offset", ValueError, "2\\^64", broken(offset=2**64 - 1), lambda: X),
    ("a part", ValueError, "a part of 4 from 1", broken(part=((4, 6), (1, 0))), lambda: X),
    ("axes", RuntimeError, "Dropout1d of a tensor of 4 axes", dk.Dropout1d(), lambda: torch.ones(1, 2, 3, 4)),
    ("axes of DropBlock", RuntimeError, "DropBlock1d of a tensor of 2 axes", dk.DropBlock1d(0.1, 2), lambda: X),
    ("a block size", ValueError, "block_size -1", dk.DropBlock1d(0.1, -1), lambda: torch.ones(1, 2, 8)),
    ("a deviation", ValueError, "standard deviation -1", dk.GaussianNoise(-1.0), lambda: X),
    ("a leaf", RuntimeError, "leaf", broken(inplace=True), lambda: torch.ones(3, requires_grad=True)),
]  # fmt: skip


@pytest.mark.parametrize("name, error, message, module, build", REFUSED, ids=[case[0] for case in REFUSED])
def test_a_refused_pass_takes_no_step(name: str, error: Any, message: str, module: Any, build: Any) -> None:
    module._buffers["step"].fill_(7)
    input = build()
    before = input.clone() if isinstance(input, Tensor) and not (input.is_meta or input.is_nested) else None
    with pytest.raises(error, match=message):
        module(input)
    assert module.step == 7
    assert before is None or torch.equal(input, before)


def test_evaluation_takes_tensors_alone() -> None:
    """As in torch.nn."""
    for module in torch.nn.Dropout().eval(), dk.Dropout().eval():
        for input in [1.0], np.ones(3):
            with pytest.raises(TypeError):
                module(input)


@pytest.mark.parametrize("inplace", [False, True])
def test_inference_tensors(inplace: bool) -> None:
    """In place they change in inference mode alone, as in torch.nn; otherwise a new tensor is made of them."""
    for module in torch.nn.Dropout(0.5, inplace), dk.Dropout(0.5, inplace, seed=1):
        with torch.inference_mode():
            x = torch.ones(100)
        if inplace:
            with pytest.raises(RuntimeError, match="inference|Inference"):
                module(x)
        else:
            assert not module(x).is_inference()
    assert (x == 1).all() and module.address.step == (0 if inplace else 1)


def batched_gradients(module: Any) -> object:
    x = torch.ones(3, requires_grad=True)
    return torch.autograd.grad(module(x), x, torch.eye(3), is_grads_batched=True)


@pytest.mark.parametrize(
    "call",
    [
        lambda module: torch.func.vmap(module)(torch.ones(2, 3)),
        lambda module: torch.func.vmap(module, randomness="different")(torch.ones(2, 3)),
        lambda module: torch.func.grad(lambda x: module(x).sum())(torch.ones(3)),
        lambda module: torch.func.jvp(module, (torch.ones(3),), (torch.ones(3),)),
        lambda module: torch.func.jacrev(module)(torch.ones(3)),
        batched_gradients,
    ],
)
def test_transforms_are_refused_by_name(call: Callable[[Any], object]) -> None:
    for pass_ in dk.Dropout(0.5), (lambda x: dk.dropout(x, 0.5, ADDRESS)):
        with pytest.raises(RuntimeError, match="torch.func.*vmap.*batched gradients.*torch.nn there"):
            call(pass_)
    module = dk.Dropout(0.5)
    if call is not batched_gradients:
        with pytest.raises(RuntimeError):
            call(module)
        assert module.address.step == 0


def test_arguments_of_functions() -> None:
    for call, error, message in (
        (lambda: dk.dropout([1.0], 0.5, ADDRESS), TypeError, "input is a list"),
        (lambda: dk.dropout(np.ones(3), 0.5, ADDRESS, shared=(0,)), TypeError, "input is a ndarray"),
        (lambda: dk.dropout(X, 0.5, 42), TypeError, "address 42"),
        (lambda: dk.dropout(X, 0.5, Address(-1)), ValueError, "seed -1"),
        (lambda: dk.dropout(X, 1.5, ADDRESS), ValueError, "rate p = 1.5"),
        (lambda: dk.dropout(X, 0.5, ADDRESS, shared=1), TypeError, "shared 1"),
        (lambda: dk.dropout(X, 0.5, ADDRESS, shared=(2,)), ValueError, "shared axis 2"),
        (lambda: dk.dropout(X, 0.5, ADDRESS, shared=(0, 0)), ValueError, "shared axis 0"),
        (lambda: dk.gaussian_noise(X, -1e-46, ADDRESS), ValueError, "standard deviation -1e-46"),
        (lambda: dk.drop_block(X, 0.5, (2, 2), ADDRESS), ValueError, "2 block sizes for 2 axes"),
        (lambda: dk.drop_block(X, 0.5, 2, ADDRESS), TypeError, "block_size 2"),
    ):
        with pytest.raises(error, match=message):
            call()


def test_unaligned_tensors() -> None:
    """As files that are mapped to memory have them."""
    memory = bytearray(4 * 100 + 1)
    x = torch.frombuffer(memory, dtype=torch.float32, offset=1, count=100)
    assert x.data_ptr() % 4
    x.fill_(3.0)
    expected = dk.dropout(torch.full((100,), 3.0), 0.5, ADDRESS)
    assert torch.equal(dk.dropout(x, 0.5, ADDRESS), expected)
    assert dk.dropout(x, 0.5, ADDRESS, inplace=True) is x and torch.equal(x, expected)
    module = dk.Dropout(0.5, seed=5)
    numbers = torch.frombuffer(bytearray(17), dtype=torch.int64, offset=1, count=2).zero_()
    module._buffers["seed"], module._buffers["step"] = numbers[0], numbers[1]
    module(X)
    assert module.address == Address(0, 0, 1)
