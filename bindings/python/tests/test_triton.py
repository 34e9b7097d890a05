"""The contract in Triton, under Triton's interpreter: no GPU is needed, and none is used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

os.environ["TRITON_INTERPRET"] = "1"  # before the kernels are defined

import numpy as np
import pytest
import torch

import contract
import dropout_kernels.torch as cpu
import dropout_kernels.triton as gpu
import on_gpu
from dropout_kernels import Address

VECTORS = json.loads((Path(__file__).parents[3] / "tests/data/mask_vectors.json").read_text())
ADDRESS = Address(seed=2**64 - 7, layer=2**32 - 1, step=1000, offset=5)


def keep(decisions: int, p: float, address: Address) -> Any:
    return gpu.mask(decisions, p, address, device="cpu").numpy()


@pytest.mark.parametrize("vector", VECTORS["masks"], ids=lambda v: f"{v['seed']}-{v['p']}-{v['first']}")
def test_vectors(vector: dict[str, Any]) -> None:
    address = Address(vector["seed"], vector["layer"], vector["step"], vector["first"])
    np.testing.assert_array_equal(keep(vector["count"], vector["p"], address), [bit == "1" for bit in vector["keep"]])


@pytest.mark.parametrize("p", [0.0, 2.0**-32, 0.1, 0.25, 1 / 3, 0.5, 0.375, 1 - 2.0**-32, 1.0])
def test_masks(p: float) -> None:
    """Rates with ties at all levels and with none, at offsets that begin a block and that do not."""
    for offset in 0, 2**39 - 300, 2**64 - 1500:
        address = ADDRESS._replace(offset=offset)
        np.testing.assert_array_equal(keep(1500, p, address), contract.keep(address, p, 1500))


def test_many_ties(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranks above 16 and bytes that are equal, which some of 1,600 blocks have."""
    monkeypatch.setattr(gpu, "_BLOCKS", 1024)
    count = 200_000
    np.testing.assert_array_equal(keep(count, 0.1, ADDRESS), contract.keep(ADDRESS, 0.1, count))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("n", [0, 1, 127, 1500])
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
def test_values_are_those_of_the_cpu(dtype: torch.dtype, n: int, p: float) -> None:
    x = torch.randn(n).to(dtype)
    x[3:200:7] = float("nan")
    expected = cpu.dropout(x, p, ADDRESS)
    y = gpu.dropout(x, p, ADDRESS)
    torch.testing.assert_close(y, expected, rtol=0, atol=0, equal_nan=True)
    assert not torch.signbit(y[y == 0]).logical_and(x[y == 0] == 0).any()
    assert gpu.dropout_(x, p, ADDRESS) is x
    torch.testing.assert_close(x, expected, rtol=0, atol=0, equal_nan=True)


def test_what_is_refused() -> None:
    x = torch.ones(10, 10)
    for call, error, message in (
        (lambda: gpu.dropout(x.double(), 0.5, ADDRESS), TypeError, "a tensor of torch.float64"),
        (lambda: gpu.dropout(x.t(), 0.5, ADDRESS), ValueError, "row-major"),
        (lambda: gpu.dropout(x, 1.5, ADDRESS), ValueError, "rate p = 1.5"),
        (lambda: gpu.dropout(x, float("nan"), ADDRESS), ValueError, "rate p = nan"),
        (lambda: gpu.dropout(x, 0.5, Address(-1)), ValueError, "seed -1"),
        (lambda: gpu.dropout(x, 0.5, Address(0, 0, 0, 2**64 - 1)), ValueError, "2\\^64"),
    ):
        with pytest.raises(error, match=message):
            call()
    assert (x == 1).all()


def test_the_script_for_a_gpu() -> None:
    """Its checks, on tensors of the CPU."""
    on_gpu.check("cpu", elements=2_000)


@pytest.mark.parametrize("inplace", [False, True])
def test_what_modules_call(inplace: bool) -> None:
    """Tensors in any order, with the masks of the CPU."""
    mask = 0.3, tuple(ADDRESS), (), None
    for x in torch.randn(6, 5, 4), torch.randn(6, 5, 4).transpose(0, 2), torch.randn(6, 5, 8)[:, :, ::2]:
        expected = cpu.dropout(x, 0.3, ADDRESS)
        y = cpu._passes.on_gpu(x, mask, inplace)
        assert torch.equal(y, expected) and (y is x) == inplace


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from dropout_kernels.triton import _kernel

numbers = dict(
    n="i64", first="i64", skip="i32", threshold_nibble="u32", threshold_bytes="u32", scale="fp32",
    seed_low="u32", seed_high="u32", layer="u32", step="u32", BLOCKS="constexpr", DECISIONS="constexpr",
)
for type_ in "fp32", "bf16", "fp16", "i1":
    signature = {"x": "*" + type_, "y": "*" + type_, **numbers}
    source = ASTSource(fn=_kernel, signature=signature, constexprs={"BLOCKS": 8, "DECISIONS": type_ == "i1"})
    assert "mul" in triton.compile(source, target=GPUTarget("cuda", 80, 32)).asm["ptx"]
"""


def test_the_kernels_compile(tmp_path: Path) -> None:
    """For an NVIDIA GPU, which need not be there: the interpreter takes what the compiler refuses."""
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    source = tmp_path / "compile.py"  # with a file of its own, as Triton reads the source
    source.write_text(COMPILE)
    run = subprocess.run([sys.executable, source], env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
