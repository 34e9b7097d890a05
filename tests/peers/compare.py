"""Puts this library's layers and those of other libraries through the same questions, and writes the answers as Markdown.

usage: compare.py LAYER FILE

LAYER is the program of examples/layer.rs. The masks cannot be the same; what is asked is what they have in common: moments, which
elements are dropped together, the scale, and what becomes of rates, values and shapes at the edge.
"""

import os

os.environ["KERAS_BACKEND"] = "torch"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import datetime
import importlib.metadata
import subprocess
import sys
from dataclasses import dataclass
from typing import Callable

import jax
import keras
import numpy as np
import onnx
import onnxruntime
import torch
import torchvision
from flax import nnx

# Alike to five standard errors, as in the library's tests of statistics, or to the rounding of sums.
SIGMAS = 5
ROUNDING = 1e-5
DRAWS = 100


def from_torch(module):
    def make(p, train):
        layer = module(p).train(train)
        return lambda x: layer(torch.from_numpy(x.copy())).numpy()

    return make


def from_keras(layer_class, **options):
    def make(p, train):
        layer = layer_class(p, **options)
        return lambda x: keras.ops.convert_to_numpy(layer(x.copy(), training=train))

    return make


def from_flax(**options):
    rngs = nnx.Rngs(0)

    def make(p, train):
        layer = nnx.Dropout(p, rngs=rngs, deterministic=not train, **options)
        return lambda x: np.asarray(layer(jax.numpy.array(x)))

    return make


def from_onnx(p, train):
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Dropout", ["x", "ratio", "training"], ["y"])],
        "dropout",
        [tensor("x", onnx.TensorProto.FLOAT, None)],
        [tensor("y", onnx.TensorProto.FLOAT, None)],
        [
            onnx.helper.make_tensor("ratio", onnx.TensorProto.FLOAT, [], [p]),
            onnx.helper.make_tensor("training", onnx.TensorProto.BOOL, [], [train]),
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})[0]


@dataclass
class Peer:
    name: str
    make: Callable  # of p and whether to train; gives a function of x that draws anew at each call
    ours: str  # how the documentation names what is compared with it
    arguments: tuple = ()  # what this means to LAYER
    rank: int = 4

    def shape(self, batch, extents):
        return (batch, *extents[: self.rank - 1])

    def draw(self, p, train, x, draws):
        layer = self.make(p, train)
        return np.stack([layer(x) for _ in range(draws)])


def shared(*axes):
    return ("--shared", ",".join(map(str, axes)))


BLOCK = 3
PEERS = (
    Peer("torch.nn.Dropout", from_torch(torch.nn.Dropout), "Dropout"),
    Peer("keras Dropout", from_keras(keras.layers.Dropout), "Dropout"),
    Peer("flax nnx.Dropout", from_flax(), "Dropout"),
    Peer("ONNX Runtime Dropout", from_onnx, "Dropout"),
    Peer("torch.nn.Dropout1d", from_torch(torch.nn.Dropout1d), "Layout::ncl", shared(2), 3),
    Peer("torch.nn.Dropout2d", from_torch(torch.nn.Dropout2d), "Layout::nchw", shared(2, 3)),
    Peer("torch.nn.Dropout3d", from_torch(torch.nn.Dropout3d), "Layout::ncdhw", shared(2, 3, 4), 5),
    Peer("keras SpatialDropout1D", from_keras(keras.layers.SpatialDropout1D), "Layout::nlc", shared(1), 3),
    Peer("keras SpatialDropout2D", from_keras(keras.layers.SpatialDropout2D), "Layout::nhwc", shared(1, 2)),
    Peer("keras SpatialDropout3D", from_keras(keras.layers.SpatialDropout3D), "Layout::ndhwc", shared(1, 2, 3), 5),
    Peer(
        "torchvision StochasticDepth",
        from_torch(lambda p: torchvision.ops.StochasticDepth(p, "row")),
        "Layout::sample",
        shared(1, 2, 3),
    ),
    Peer(
        "keras Dropout, noise_shape=(1, None, None, None)",
        from_keras(keras.layers.Dropout, noise_shape=(1, None, None, None)),
        "Layout::locked",
        shared(0),
    ),
    Peer("flax nnx.Dropout, broadcast_dims=(0, 2)", from_flax(broadcast_dims=(0, 2)), "Layout::shared", shared(0, 2)),
    Peer("torch.nn.AlphaDropout", from_torch(torch.nn.AlphaDropout), "AlphaDropout", ("--kind", "alpha")),
    Peer("keras AlphaDropout", from_keras(keras.layers.AlphaDropout), "AlphaDropout", ("--kind", "alpha")),
    Peer(
        "torch.nn.FeatureAlphaDropout",
        from_torch(torch.nn.FeatureAlphaDropout),
        "AlphaDropout, Layout::nchw",
        ("--kind", "alpha", *shared(2, 3)),
    ),
    Peer("keras GaussianDropout", from_keras(keras.layers.GaussianDropout), "GaussianDropout", ("--kind", "gaussian")),
    Peer(
        "torchvision DropBlock2d",
        from_torch(lambda p: torchvision.ops.DropBlock2d(p, BLOCK)),
        "DropBlock",
        ("--kind", "drop_block", "--block", str(BLOCK)),
    ),
)


@dataclass
class Ours:
    program: str
    arguments: tuple

    def draw(self, p, train, x, draws):
        command = [self.program, "--shape", ",".join(map(str, x.shape)), "-p", str(p), "--steps", str(draws), *self.arguments]
        command += [] if train else ["--eval"]
        y = subprocess.run(command, input=x.tobytes(), stdout=subprocess.PIPE, check=True)
        return np.frombuffer(y.stdout, "<f4").reshape(draws, *x.shape)


def theirs_or_error(ask, peer):
    """A peer's answer, or that it has none. (This library must have one.)"""
    try:
        return ask(peer, peer)
    except Exception as error:
        return type(error).__name__


def normal(shape):
    return np.random.default_rng(1).standard_normal(shape).astype("f4")


def moments(peer, layer):
    """Mean, variance and fraction of zeros, of ones and of normal values; each with its standard error."""
    shape = peer.shape(16, (16, 8, 8, 4))
    results = []
    for x in (np.ones(shape, "f4"), normal(shape)):
        y = layer.draw(0.3, True, x, DRAWS).reshape(DRAWS, -1).astype("f8")
        for statistic in (y.mean(1), y.var(1), (y == 0).mean(1)):
            results.append((statistic.mean(), statistic.std(ddof=1) / DRAWS**0.5))
    return results


def alike(ours, theirs):
    return all(abs(a - b) <= SIGMAS * (s * s + t * t) ** 0.5 + ROUNDING for (a, s), (b, t) in zip(ours, theirs))


def together(peer, layer):
    """Which elements always share their fate, as the number of the first that each goes with."""
    y = layer.draw(0.5, True, np.ones(peer.shape(2, (3, 4, 5, 2)), "f4"), DRAWS).reshape(DRAWS, -1)
    if "gaussian" not in peer.arguments:
        y = y != y.max(1, keepdims=True)
    _, first, group = np.unique(y, axis=1, return_index=True, return_inverse=True)
    if "drop_block" in peer.arguments:
        assert covered_by_blocks(y.reshape(-1, 4, 5))
    return f"{len(first)} groups", first[group.ravel()].tolist()


def covered_by_blocks(dropped):
    """Whether each dropped element lies in a dropped patch."""
    covered = np.zeros_like(dropped)
    for row in range(dropped.shape[1] - BLOCK + 1):
        for column in range(dropped.shape[2] - BLOCK + 1):
            patch = (slice(None), slice(row, row + BLOCK), slice(column, column + BLOCK))
            covered[patch] |= dropped[patch].all((1, 2), keepdims=True)
    return (covered == dropped).all()


def kept(peer, layer):
    """What a one becomes where kept, if that is one value; and whether it is what the fraction of zeros says, if that is the scale."""
    x = np.ones(peer.shape(16, (16, 4, 4, 4)), "f4")
    values = []
    for p in (0.1, 0.3, 0.5, 0.9):
        y = layer.draw(p, True, x, 1)[0]
        if "gaussian" in peer.arguments:
            return "noise"
        values.append(y.max() * (y != 0).mean() if "drop_block" in peer.arguments else y.max())
    return values


def same_values(ours, theirs):
    """To the rounding of 1 - p in f32, which some compute the scale from."""
    return ours == theirs or np.allclose(ours, theirs, rtol=2.0**-21, atol=0)


EDGE = np.array([1, -1, 0.5, -0.0, np.inf, -np.inf, np.nan, 3e38], "f4")


def edge(peer):
    shape = peer.shape(2, (3, 4, 4, 2))
    return np.resize(EDGE, shape)


def identity(peer, layer, p, train):
    x = edge(peer)
    y = layer.draw(p, train, x, 2)
    return "identity" if np.array_equal(y, np.stack([x, x]), equal_nan=True) else f"not identity: {kinds(y)}"


def kinds(y):
    """What is among the values."""
    named = (
        ("-0", (y == 0) & np.signbit(y)),
        ("0", (y == 0) & ~np.signbit(y)),
        ("finite", np.isfinite(y) & (y != 0)),
        ("infinite", np.isinf(y)),
        ("NaN", np.isnan(y)),
    )
    return ", ".join(name for name, there in named if there.any())


def fate(value, p):
    """What becomes of a tensor of one value, dropped and kept, in many draws."""
    return lambda peer, layer: kinds(layer.draw(p, True, np.full(peer.shape(2, (3, 4, 4, 2)), value, "f4"), DRAWS))


def empty(peer, layer):
    x = np.zeros(peer.shape(0, (3, 4, 4, 2)), "f4")
    return "empty" if layer.draw(0.5, True, x, 1)[0].shape == x.shape else "another shape"


def equal(ours, theirs):
    return ours == theirs


QUESTIONS = (
    ("moments", moments, alike),
    ("together", together, equal),
    ("kept", kept, same_values),
    ("p = 0", lambda peer, layer: identity(peer, layer, 0.0, True), equal),
    ("-1 at p = 1", fate(-1, 1.0), equal),
    ("infinity at p = 1", fate(np.inf, 1.0), equal),
    ("NaN at p = 1", fate(np.nan, 1.0), equal),
    ("-1 at p = 0.5", fate(-1, 0.5), equal),
    ("infinity at p = 0.5", fate(np.inf, 0.5), equal),
    ("NaN at p = 0.5", fate(np.nan, 0.5), equal),
    ("empty", empty, equal),
    ("evaluation", lambda peer, layer: identity(peer, layer, 0.5, False), equal),
)

# Why this library does otherwise: to a question, or as one peer is asked it. In all else a difference is a failure.
ALL_DROPPED = "At p = 1 every kind drops everything, to +0.0 whatever it was."
SELECTED = "What is dropped is selected, not multiplied by 0, which leaves -0.0 of -1, and NaN of infinities and NaN."
ON_PURPOSE = {
    "-1 at p = 1": ALL_DROPPED,
    "infinity at p = 1": ALL_DROPPED,
    "NaN at p = 1": ALL_DROPPED,
    "-1 at p = 0.5": SELECTED,
    "infinity at p = 0.5": SELECTED,
    "NaN at p = 0.5": SELECTED,
    ("together", "ONNX Runtime Dropout"): "Each decision is independent of all others. There some elements shared their fate in every draw.",
}


def reason(question, peer):
    return ON_PURPOSE.get(question) or ON_PURPOSE.get((question, peer.name))


HEAD = """\
# The same questions to other libraries

Written by `run` on {date}, with {versions}.

- *moments*: mean, variance and fraction of zeros of the output, for ones and for normal values at p = 0.3, {draws} draws, to {sigmas} standard errors.
- *together*: which elements are dropped together in each of {draws} draws at p = 0.5; for DropBlock also that all zeros are in dropped patches.
- *kept*: what a kept one becomes at p = 0.1, 0.3, 0.5 and 0.9, to the rounding of 1 - p in `f32`.
- *p = 0* and *evaluation*: whether the output is the input, NaN and infinities included.
- *-1*, *infinity*, *NaN*: what there is in the output of training for a tensor that has nothing else, at p = 1 and, over {draws} draws, at p = 0.5.
- *empty*: whether a batch of no samples comes back.

| there | here | alike in |
|---|---|---|
"""


def main():
    program, file = sys.argv[1:]
    torch.manual_seed(1)
    keras.utils.set_random_seed(1)
    libraries = [line.split("==")[0] for line in open(os.path.join(os.path.dirname(__file__), "requirements.txt"))]
    versions = ", ".join(f"{library} {importlib.metadata.version(library)}" for library in libraries)
    text = HEAD.format(date=datetime.date.today(), versions=versions, draws=DRAWS, sigmas=SIGMAS)
    differences, failed = {}, False
    for peer in PEERS:
        layer = Ours(program, peer.arguments)
        alike_in = []
        for question, ask, same in QUESTIONS:
            ours, theirs = ask(peer, layer), theirs_or_error(ask, peer)
            if type(ours) is type(theirs) and same(ours, theirs):
                alike_in.append(question)
            elif why := reason(question, peer):
                # The first part of an answer is what a table has room for.
                here, there = (answer[0] if isinstance(answer, tuple) else answer for answer in (ours, theirs))
                differences.setdefault(why, {}).setdefault((question, here, there), []).append(peer.name)
            else:
                print(f"{peer.name}: {question}: here {ours}, there {theirs}", file=sys.stderr)
                failed = True
        text += f"| {peer.name} | {peer.ours} | {'all' if len(alike_in) == len(QUESTIONS) else ', '.join(alike_in)} |\n"
    text += "\n## Where they differ on purpose\n"
    for why, answers in differences.items():
        text += f"\n{why}\n\n| | here | there | |\n|---|---|---|---|\n"
        for (question, here, there), names in answers.items():
            text += f"| {question} | {here} | {there} | {', '.join(names)} |\n"
    with open(file, "w") as out:
        out.write(text)
    sys.exit(failed)


if __name__ == "__main__":
    main()
