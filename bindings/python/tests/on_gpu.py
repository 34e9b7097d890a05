"""Checks `dropout_kernels.triton` on a GPU, and times it: `python tests/on_gpu.py`, where there is one.

Masks, values and gradients must be those of the CPU, bit for bit. Times are of float32, bfloat16 and float16 tensors
beside PyTorch's own dropout, which has other masks, and beside the copy of a tensor.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

import dropout_kernels.triton as gpu
from dropout_kernels import Address
from dropout_kernels.torch import Dropout, dropout

ADDRESS = Address(seed=2**64 - 7, layer=3, step=1000, offset=2**39 - 1000)


def check(device: str, elements: int) -> None:
    """With another device than cuda the modules compute as they do there."""
    for p in 0.0, 2.0**-32, 0.1, 0.5, 1 - 2.0**-32, 1.0:
        for dtype in gpu.TYPES:
            x = torch.randn(elements).to(dtype)
            expected = dropout(x, p, ADDRESS)
            there = gpu.dropout(x.to(device), p, ADDRESS)
            assert torch.equal(there.cpu(), expected), (p, dtype)
            keep = gpu.mask(elements, p, ADDRESS, device=device).cpu()
            assert torch.equal(torch.where(keep, expected, 0.0), expected), (p, dtype)
            assert torch.equal(keep | (expected == 0), torch.ones_like(keep)), (p, dtype)
    module = Dropout(0.3, seed=1).to(device)
    x = torch.randn(elements // 4, 4).to(device).t().requires_grad_()
    y = module(x)
    y.backward(torch.ones_like(y))
    here = dropout(x.detach().cpu(), 0.3, Address(1))
    assert torch.equal(y.detach().cpu(), here)
    assert torch.equal(x.grad.cpu(), dropout(torch.ones_like(here), 0.3, Address(1)))
    assert module.address.step == 1


def milliseconds(call: Callable[[], object]) -> float:
    """The least of 20 rounds of ten calls."""
    times = []
    for _ in range(20):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(10):
            call()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / 10)
    return min(times[1:])


def main() -> None:
    for elements in 1, 127, 5_000, 1_000_003:
        check("cuda", elements)
    print("masks, values and gradients are those of the CPU")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}. Milliseconds of 2^26 elements:")
    print("| type | p | here | torch.nn | copy |\n|---|---|---:|---:|---:|")
    for dtype in gpu.TYPES:
        x = torch.randn(1 << 26, device="cuda").to(dtype)
        y = torch.empty_like(x)
        for p in 0.1, 0.5:
            here = milliseconds(lambda: gpu.dropout(x, p, ADDRESS))
            there = milliseconds(lambda: torch.nn.functional.dropout(x, p))
            copy = milliseconds(lambda: y.copy_(x))
            print(f"| {dtype} | {p} | {here:.3f} | {there:.3f} | {copy:.3f} |")


if __name__ == "__main__":
    main()
