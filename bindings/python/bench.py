"""Times these modules, and those of torch.nn after `install()`, beside those of torch.nn and a plain product:
`python bench.py`, after `pip install .` and PyTorch.

One thread, on Linux. All take turns, round after round, and each is given the median of its rounds. The clock stands
still while other processes have the CPU.
"""

import ctypes
import platform
import statistics
import time
from collections.abc import Callable

import torch

import dropout_kernels.torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""

LARGE = 1 << 25
"""The largest threshold that mallopt takes."""

ROUNDS = 25
ROUND_NS = 20_000_000
"""How long a module runs in a round, at least one call."""


Layer = Callable[[torch.Tensor], torch.Tensor]


def product(x: torch.Tensor) -> torch.Tensor:
    return x * 2.0


def forward(layer: Layer, n: int) -> Callable[[], object]:
    x = torch.randn(n)
    return lambda: layer(x)


def forward_and_backward(layer: Layer, n: int) -> Callable[[], object]:
    x, grad = torch.randn(n, requires_grad=True), torch.ones(n)
    return lambda: torch.autograd.grad(layer(x), x, grad)


def time_of(call: Callable[[], object], calls: int) -> float:
    """Nanoseconds a call."""
    start = time.thread_time_ns()
    for _ in range(calls):
        call()
    return (time.thread_time_ns() - start) / calls


def installed(call: Callable[[], object], calls: int) -> float:
    with dropout_kernels.torch.install():
        return time_of(call, calls)


Clock = Callable[[Callable[[], object], int], float]


def compare(*calls: tuple[Clock, Callable[[], object]]) -> list[float]:
    """The median times of several calls, each by its clock."""
    for clock, call in calls:
        clock(call, 20)  # what is only done once
    numbers = [max(1, int(ROUND_NS / clock(call, 20))) for clock, call in calls]
    rounds = [[clock(call, number) for (clock, call), number in zip(calls, numbers)] for _ in range(ROUNDS)]
    return [statistics.median(times) for times in zip(*rounds)]


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    # Otherwise glibc hands large blocks back to the system and gets them anew, with a page fault for each 4 kB, in some
    # rounds and not in others.
    for parameter in M_TRIM_THRESHOLD, M_MMAP_THRESHOLD:
        if not ctypes.CDLL(None).mallopt(parameter, LARGE):
            raise RuntimeError("glibc refuses the threshold")
    with open("/proc/cpuinfo") as cpuinfo:
        fields = dict((line + ":").split(":")[:2] for line in cpuinfo.read().split("\n\n")[0].splitlines())
    cpu = {name.strip(): value.strip() for name, value in fields.items()}
    print(
        f"{cpu['model name']} (family {cpu['cpu family']}, model {cpu['model']}), torch {torch.__version__},", end=" "
    )
    print(f"Python {platform.python_version()}. Microseconds, float32:\n")
    print("| p | elements | pass | torch.nn | modules | ratio | install() | ratio | x * 2 |")
    print("|---|---:|---|---:|---:|---:|---:|---:|---:|")
    for p in 0.1, 0.5:
        for n in 16, 1 << 10, 1 << 14, 1 << 20, 1 << 24:
            for what in forward, forward_and_backward:
                original, module = torch.nn.Dropout(p), dropout_kernels.torch.Dropout(p)
                there, here, reached, floor = compare(
                    (time_of, what(original, n)),
                    (time_of, what(module, n)),
                    (installed, what(original, n)),
                    (time_of, what(product, n)),
                )
                name = what.__name__.replace("_", " ")
                print(
                    f"| {p} | {n:,} | {name} | {there / 1e3:,.1f} | {here / 1e3:,.1f} | {there / here:.1f} "
                    f"| {reached / 1e3:,.1f} | {there / reached:.1f} | {floor / 1e3:,.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
