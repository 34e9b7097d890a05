"""Activation checkpointing of models with these modules: the gradients are those without."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    checkpoint_sequential,
    create_selective_checkpoint_contexts,
)

import dropout_kernels.torch as dk

X = torch.linspace(-1, 1, 80).reshape(2, 5, 8)
Segment = Callable[[nn.Module, Tensor], Tensor]


def encoder() -> nn.Module:
    """A model with a dropout that is PyTorch's: that in its attention."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, 0.5, batch_first=True)
    assert dk.convert(layer) == ["self_attn"]
    return layer


def perceptron() -> nn.Module:
    first = nn.Linear(8, 8), dk.Dropout(0.5), nn.Tanh()
    return nn.Sequential(*first, nn.Linear(8, 8), nn.Sigmoid(), dk.AlphaDropout(0.5))


def gradients(build: Callable[[], nn.Module], segment: Segment) -> list[Tensor]:
    torch.manual_seed(0)
    model = build()
    dk.set_addresses(model, 42)
    x = X.clone().requires_grad_()
    for _ in range(2):
        segment(model, x).pow(2).sum().backward()
    return [x.grad, *(parameter.grad for parameter in model.parameters())]


def plain(block: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = block(x)
    return result


def policy(_: Any, operator: Any, *arguments: Any, **keywords: Any) -> CheckpointPolicy:
    return CheckpointPolicy.MUST_SAVE if operator is torch.ops.aten.mm.default else CheckpointPolicy.PREFER_RECOMPUTE


def save_dropout(_: Any, operator: Any, *arguments: Any, **keywords: Any) -> CheckpointPolicy:
    saved = operator is torch.ops.dropout_kernels.drop.default
    return CheckpointPolicy.MUST_SAVE if saved else CheckpointPolicy.PREFER_RECOMPUTE


def checkpointed(context_fn: Any) -> Segment:
    def segment(block: nn.Module, x: Tensor) -> Tensor:
        result: Tensor = checkpoint(block, x, use_reentrant=False, context_fn=context_fn)
        return result

    return segment


def selective(policy: Any) -> Any:
    return functools.partial(dk.same_masks, functools.partial(create_selective_checkpoint_contexts, policy))


@pytest.mark.parametrize("build", [encoder, perceptron])
@pytest.mark.parametrize("context_fn", [dk.same_masks, selective(policy), selective(save_dropout)])
def test_gradients_are_those_without(build: Callable[[], nn.Module], context_fn: Any) -> None:
    for here, there in zip(gradients(build, checkpointed(context_fn)), gradients(build, plain), strict=True):
        torch.testing.assert_close(here, there, rtol=0, atol=0)
        assert here.abs().sum() > 0


def test_segments_of_a_sequence() -> None:
    """`checkpoint_sequential` has no `context_fn`; the loop that it stands for has."""

    def model() -> nn.Module:
        return nn.Sequential(*(perceptron() for _ in range(4)))

    def segments(model: nn.Module, x: Tensor) -> Tensor:
        for part in model[:2], model[2:]:
            x = checkpoint(part, x, use_reentrant=False, context_fn=dk.same_masks)
        return x

    for here, there in zip(gradients(model, segments), gradients(model, plain), strict=True):
        assert torch.equal(here, there)
    with pytest.raises(RuntimeError, match="context_fn=same_masks"):
        gradients(model, lambda model, x: checkpoint_sequential(model, 2, x, use_reentrant=False))


def test_checkpoint_sequential_of_installed_dropout() -> None:
    def model() -> nn.Module:
        return nn.Sequential(*(nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5)) for _ in range(4)))

    def segments(model: nn.Module, x: Tensor) -> Tensor:
        result: Tensor = checkpoint_sequential(model, 2, x, use_reentrant=False)
        return result

    with dk.install():
        for here, there in zip(gradients(model, segments), gradients(model, plain), strict=True):
            assert torch.equal(here, there)


def test_a_generator_that_is_not_restored_is_warned_of() -> None:
    """Gradients would be those of other masks."""

    def forgetful(block: nn.Module, x: Tensor) -> Tensor:
        result: Tensor = checkpoint(
            block, x, use_reentrant=False, preserve_rng_state=False, context_fn=dk.same_masks
        )
        return result

    with pytest.warns(UserWarning, match="preserve_rng_state"):
        here = gradients(encoder, forgetful)
    there = gradients(encoder, plain)
    assert not torch.equal(here[0], there[0])
    for here, there in zip(gradients(perceptron, forgetful), gradients(perceptron, plain), strict=True):
        assert torch.equal(here, there)
