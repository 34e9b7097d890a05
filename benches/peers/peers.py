"""Dropout of f32 tensors in Python libraries, each on one thread of one CPU.

usage: peers.py FILE

Prints a line for each library, rate and size, and writes all of them to FILE as JSON, with the keys of the Rust peers' rows, and to
machine.txt beside it where and when it was.
A library is called as its users call it, so its time includes the allocation of its output.
"""

import os

# Before any library counts the CPUs and starts its threads.
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
os.environ["OMP_NUM_THREADS"] = "1"

import datetime
import functools
import json
import pathlib
import subprocess
import sys
import time

import jax
import numpy as np
import onnx
import onnxruntime
import torch

import dropout_kernels.numpy
import dropout_kernels.torch

SIZES = (1 << 14, 1 << 17, 1 << 20, 1 << 24)
RATES = (0.1, 0.5)

# As in benches/measure.
SAMPLE = 50e-6
SAMPLES_TO_WARM_UP = 40
CALLS_TO_WARM_CACHE = 3
ROUNDS = 80e-3
FEWEST_ROUNDS = 11
LARGE = 1 << 22


def torch_dropout(module, p, x):
    torch.set_num_threads(1)
    layer = module(p)
    x = torch.from_numpy(x.copy())
    return lambda step: layer(x), lambda y: y.numpy()


def ours_in_numpy(p, x):
    return lambda step: dropout_kernels.numpy.dropout(x, p, dropout_kernels.Address(seed=42, step=step)), np.asarray


def jax_dropout(p, x):
    """What Flax and Haiku do."""

    @jax.jit
    def dropout(step, x):
        key = jax.random.fold_in(jax.random.key(42), step)
        return jax.numpy.where(jax.random.bernoulli(key, 1 - p, x.shape), x / (1 - p), 0)

    x = jax.numpy.array(x)
    return lambda step: dropout(step, x).block_until_ready(), np.asarray


def onnx_dropout(p, x):
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Dropout", ["x", "ratio", "training"], ["y"])],
        "dropout",
        [tensor("x", onnx.TensorProto.FLOAT, x.shape)],
        [tensor("y", onnx.TensorProto.FLOAT, x.shape)],
        [
            onnx.helper.make_tensor("ratio", onnx.TensorProto.FLOAT, [], [p]),
            onnx.helper.make_tensor("training", onnx.TensorProto.BOOL, [], [True]),
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda step: session.run(None, {"x": x})[0], np.asarray


def numpy_dropout(p, x):
    rng = np.random.default_rng(42)
    s, zero = np.float32(1 / (1 - p)), np.float32(0)
    return lambda step: np.where(rng.random(x.size, np.float32) < p, zero, x * s), np.asarray


PEERS = (
    ("dropout-kernels in PyTorch", functools.partial(torch_dropout, dropout_kernels.torch.Dropout)),
    ("dropout-kernels in NumPy", ours_in_numpy),
    ("PyTorch", functools.partial(torch_dropout, torch.nn.Dropout)),
    ("JAX", jax_dropout),
    ("ONNX Runtime", onnx_dropout),
    ("NumPy", numpy_dropout),
)


def check(p, y, n):
    """The ones that went in came out as zeros, at the rate asked for to five standard deviations, or as the scale."""
    assert y.shape == (n,) and y.dtype == np.float32
    dropped = y == 0
    assert abs(dropped.mean() - p) < 5 * (p * (1 - p) / n) ** 0.5, f"{dropped.mean()} dropped at p = {p}"
    assert np.allclose(y[~dropped], 1 / (1 - p), rtol=1e-6), f"not scaled by 1 / (1 - {p})"


def measure(dropout, x):
    """Nanoseconds an element of dropout, the floor y = x * s, and memcpy, taking turns; the shortest sample of each."""
    y = np.empty_like(x)
    tasks = (dropout, lambda step: np.multiply(x, np.float32(1), out=y), lambda step: np.copyto(y, x))
    # process_time counts all of a library's threads, and nothing of other processes.
    clock = time.perf_counter if x.size < LARGE else time.process_time
    calls = []
    for task in tasks:
        start, count = time.perf_counter(), 0
        while time.perf_counter() < start + SAMPLE * SAMPLES_TO_WARM_UP:
            task(count)
            count += 1
        calls.append(count // SAMPLES_TO_WARM_UP + 1)
    shortest = [float("inf")] * len(tasks)
    start, step, rounds = time.perf_counter(), 0, 0
    while time.perf_counter() < start + ROUNDS or rounds < FEWEST_ROUNDS:
        for i, task in enumerate(tasks):
            for _ in range(CALLS_TO_WARM_CACHE if x.size < LARGE else 0):
                task(step)
            before = clock()
            for _ in range(calls[i]):
                step += 1
                task(step)
            shortest[i] = min(shortest[i], (clock() - before) / calls[i])
        rounds += 1
    return [seconds * 1e9 / x.size for seconds in shortest]


def machine():
    lines = subprocess.check_output("lscpu", text=True).splitlines()
    cpu = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    vectors = "AVX-512" if "avx512f" in cpu["Flags"] else "AVX2" if "avx2" in cpu["Flags"] else "neither AVX2 nor AVX-512"
    return (
        f"{cpu['Model name']} (family {cpu['CPU family']}, model {cpu['Model']}), {vectors}, "
        f"L2 {cpu['L2 cache']}, L3 {cpu['L3 cache']}, {datetime.date.today()}"
    )


def main():
    (file,) = sys.argv[1:]
    pathlib.Path(file).with_name("machine.txt").write_text(machine() + "\n")
    bytearray(30 << 20)  # freed at once, as in the Rust peers: glibc keeps smaller tensors for the next from now on
    rows = []
    for p in RATES:
        for n in SIZES:
            x = np.ones(n, np.float32)
            for name, peer in PEERS:
                dropout, values = peer(p, x)
                check(p, values(dropout(0)), n)
                ns, floor, memcpy = measure(dropout, x)
                print(f"{name:<26} {n:>8}  {p}  {ns:8.4f} ns/element  {ns / floor:7.2f} / floor  {ns / memcpy:7.2f} / memcpy")
                rows.append(
                    {
                        "op": name,
                        "backend": "cpu",
                        "dtype": "f32",
                        "n": n,
                        "p": p,
                        "ns_per_element": ns,
                        "ratio_to_floor": ns / floor,
                        "ratio_to_memcpy": ns / memcpy,
                    }
                )
    with open(file, "w") as out:
        json.dump(rows, out, indent=2)


if __name__ == "__main__":
    main()
