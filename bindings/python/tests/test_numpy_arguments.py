"""What the functions on arrays take, and how they refuse the rest: by name, before anything is written."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dropout_kernels import Address
from dropout_kernels import numpy as dk

ADDRESS = Address(seed=42, layer=3, step=1000, offset=5)


def unaligned(values: Any) -> Any:
    """The same array, one byte after an aligned address."""
    memory = np.zeros(values.nbytes + 16, np.uint8)
    first = -memory.ctypes.data % 16 + 1
    view = memory[first : first + values.nbytes].view(values.dtype).reshape(values.shape)
    view[...] = values
    assert values.itemsize == 1 or values.size == 0 or not view.flags.aligned
    return view


FUNCTIONS: list[tuple[Any, Callable[..., Any]]] = [
    *[
        (dtype, function)
        for dtype in (np.float16, np.float32, np.float64)
        for function in (
            lambda x, **out: dk.dropout(x, 0.5, ADDRESS, **out),
            lambda x, **out: dk.dropout(x, 0.5, ADDRESS, shared=(0,), **out),
            lambda x, **out: dk.alpha_dropout(x, 0.5, ADDRESS, **out),
            lambda x, **out: dk.alpha_dropout_backward(x, 0.5, ADDRESS, **out),
            lambda x, **out: dk.gaussian_dropout(x, 0.5, ADDRESS, **out),
            lambda x, **out: dk.gaussian_noise(x, 0.5, ADDRESS, **out),
            lambda x, **out: dk.drop_block(x, 0.5, [2], ADDRESS, **out),
        )
    ],
    *[
        (dtype, lambda x, **out: dk.quantized_dropout(x, 0.5, ADDRESS, **out))
        for dtype in (np.int8, np.uint8, np.int16)
    ],
]


@pytest.mark.parametrize("dtype, function", FUNCTIONS)
@pytest.mark.parametrize("shape", [(3, 5, 40), (0, 5, 40)])
def test_unaligned_arrays(dtype: Any, function: Callable[..., Any], shape: tuple[int, ...]) -> None:
    """The result is that of an aligned copy, wherever input and output lie."""
    x = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    expected = function(x)
    np.testing.assert_array_equal(function(unaligned(x)), expected, strict=True)
    for source in x, unaligned(x):
        for out in np.empty_like(x), unaligned(x):
            assert function(source, out=out) is out
            np.testing.assert_array_equal(out, expected, strict=True)
    both = unaligned(x)
    assert function(both, out=both) is both
    np.testing.assert_array_equal(both, expected, strict=True)


X = np.ones((2, 3, 8, 8), np.float32)
Q = np.ones(8, np.int8)
HUGE = 10**400

WRONG_VALUES: list[tuple[str, Callable[[Any], Any]]] = [
    ("seed -1: expected 0 to 2**64 - 1", lambda out: dk.dropout(X, 0.5, Address(-1), out=out)),
    ("seed 18446744073709551616: expected", lambda out: dk.dropout(X, 0.5, Address(2**64), out=out)),
    ("layer -1: expected 0 to 2**32 - 1", lambda out: dk.alpha_dropout(X, 0.5, Address(0, -1), out=out)),
    ("step 4294967296: expected 0 to 2**32 - 1", lambda out: dk.dropout(X, 0.5, Address(0, 0, 2**32), out=out)),
    ("offset -1: expected 0 to 2**64 - 1", lambda out: dk.gaussian_noise(X, 0.5, Address(0, 0, 0, -1), out=out)),
    ("seed -1", lambda out: dk.drop_block(X, 0.5, (2, 2), Address(-1), out=out)),
    ("seed -1", lambda _: dk.quantized_dropout(Q, 0.5, Address(-1))),
    ("seed -1", lambda _: dk.mask(8, 0.5, Address(-1))),
    ("seed -1", lambda _: dk.mask_words(8, 0.5, Address(-1))),
    ("threads -1: expected 0 or more", lambda out: dk.dropout(X, 0.5, ADDRESS, threads=-1, out=out)),
    ("threads -1", lambda out: dk.drop_block(X, 0.5, (2, 2), ADDRESS, threads=-1, out=out)),
    ("threads 1180591620717411303424", lambda _: dk.quantized_dropout(Q, 0.5, ADDRESS, threads=2**70)),
    ("threads -1", lambda _: dk.mask_words(8, 0.5, ADDRESS, threads=-1)),
    ("block_size -1: expected 1 or more", lambda out: dk.drop_block(X, 0.5, (-1, 2), ADDRESS, out=out)),
    ("block_size 1180591620717411303424", lambda out: dk.drop_block(X, 0.5, (2**70, 2), ADDRESS, out=out)),
    ("zero_point 1099511627776: expected", lambda _: dk.quantized_dropout(Q, 0.5, ADDRESS, zero_point=2**40)),
    ("zero_point 128: expected a value of", lambda _: dk.quantized_dropout(Q, 0.5, ADDRESS, zero_point=128)),
    ("decisions -1: expected 0 or more", lambda _: dk.mask_words(-1, 0.5, ADDRESS)),
    ("decisions -100: expected 0 or more", lambda _: dk.mask_words(-100, 0.5, ADDRESS)),
    ("shape -1: expected 0 or more", lambda _: dk.mask(-1, 0.5, ADDRESS)),
    ("shape -1: expected 0 or more", lambda _: dk.mask((2, -1), 0.5, ADDRESS)),
    ("shared axis 1180591620717411303424", lambda out: dk.dropout(X, 0.5, ADDRESS, shared=(2**70,), out=out)),
    ("rate p = inf", lambda out: dk.dropout(X, HUGE, ADDRESS, out=out)),
    ("rate p = inf", lambda out: dk.drop_block(X, HUGE, (2, 2), ADDRESS, out=out)),
    ("rate p = inf", lambda _: dk.quantized_dropout(Q, HUGE, ADDRESS)),
    ("rate p = inf", lambda _: dk.mask(8, HUGE, ADDRESS)),
    ("rate p = inf", lambda _: dk.mask_words(8, HUGE, ADDRESS)),
    ("standard deviation inf", lambda out: dk.gaussian_noise(X, HUGE, ADDRESS, out=out)),
    ("standard deviation -1e-46", lambda out: dk.gaussian_noise(X, -1e-46, ADDRESS, out=out)),
    ("standard deviation -5e-324", lambda out: dk.gaussian_noise(X, -5e-324, ADDRESS, out=out)),
    ("standard deviation 1e39", lambda out: dk.gaussian_noise(X, 1e39, ADDRESS, out=out)),
    ("standard deviation NaN", lambda out: dk.gaussian_noise(X, float("nan"), ADDRESS, out=out)),
]


@pytest.mark.parametrize("message, call", WRONG_VALUES, ids=lambda value: value if isinstance(value, str) else "")
def test_wrong_values(message: str, call: Callable[[Any], Any]) -> None:
    out = np.full_like(X, 7)
    with pytest.raises(ValueError) as caught:
        call(out)
    assert message in str(caught.value)
    assert (out == 7).all()


WRONG_TYPES: list[tuple[str, Callable[[Any], Any]]] = [
    ("address", lambda out: dk.dropout(X, 0.5, 42, out=out)),
    ("address", lambda out: dk.dropout(X, 0.5, (42, 0), out=out)),
    ("address", lambda out: dk.drop_block(X, 0.5, (2, 2), None, out=out)),
    ("address", lambda _: dk.quantized_dropout(Q, 0.5, 42)),
    ("address", lambda _: dk.mask(8, 0.5, 42)),
    ("address", lambda _: dk.mask_words(8, 0.5, 42)),
    ("seed", lambda out: dk.dropout(X, 0.5, Address(1.5), out=out)),
    ("step", lambda out: dk.dropout(X, 0.5, Address(0, step="1"), out=out)),
    ("shared", lambda out: dk.dropout(X, 0.5, ADDRESS, shared=1, out=out)),
    ("shared", lambda out: dk.dropout(X, 0.5, ADDRESS, shared=(1.0,), out=out)),
    ("shared", lambda _: dk.quantized_dropout(Q, 0.5, ADDRESS, shared=None)),
    ("block_size", lambda out: dk.drop_block(X, 0.5, 3, ADDRESS, out=out)),
    ("block_size", lambda out: dk.drop_block(X, 0.5, (2.0, 2), ADDRESS, out=out)),
    ("threads", lambda out: dk.dropout(X, 0.5, ADDRESS, threads=None, out=out)),
    ("threads", lambda _: dk.mask_words(8, 0.5, ADDRESS, threads=1.0)),
    ("zero_point", lambda _: dk.quantized_dropout(Q, 0.5, ADDRESS, zero_point=0.5)),
    ("fixed_point_scale", lambda _: dk.quantized_dropout(Q, 0.5, ADDRESS, fixed_point_scale=1)),
    ("channels_last", lambda out: dk.drop_block(X, 0.5, (2, 2), ADDRESS, channels_last=1, out=out)),
    ("decisions", lambda _: dk.mask_words(8.0, 0.5, ADDRESS)),
    ("shape", lambda _: dk.mask(8.0, 0.5, ADDRESS)),
    ("shape", lambda _: dk.mask((8, None), 0.5, ADDRESS)),
    ("p", lambda out: dk.dropout(X, "0.5", ADDRESS, out=out)),
    ("p", lambda _: dk.mask_words(8, None, ADDRESS)),
    ("deviation", lambda out: dk.gaussian_noise(X, None, ADDRESS, out=out)),
    ("out", lambda _: dk.dropout(X, 0.5, ADDRESS, out=[1.0])),
    ("x", lambda out: dk.dropout(X.astype(int), 0.5, ADDRESS, out=out)),
    ("grad", lambda out: dk.dropout_backward(None, 0.5, ADDRESS, out=out)),
]


@pytest.mark.parametrize("name, call", WRONG_TYPES, ids=lambda value: value if isinstance(value, str) else "")
def test_wrong_types(name: str, call: Callable[[Any], Any]) -> None:
    out = np.full_like(X, 7)
    with pytest.raises(TypeError, match=rf"\b{name}\b"):
        call(out)
    assert (out == 7).all()


def test_numbers_of_other_types_are_taken() -> None:
    expected = dk.dropout(X, 0.5, Address(3, 1), shared=(1,))
    numbers = Address(np.uint64(3), np.int8(1))
    np.testing.assert_array_equal(dk.dropout(X, np.float32(0.5), numbers, shared=np.array([1]), threads=True), expected)
    np.testing.assert_array_equal(dk.dropout(X, 0.5, (3, 1, 0, 0), shared=[-3]), expected)


def test_no_deviation_is_the_identity() -> None:
    for deviation in 0.0, -0.0, 1e-60:
        np.testing.assert_array_equal(dk.gaussian_noise(X, deviation, ADDRESS), X)


THREADS = """
import sys, time
from pathlib import Path
import numpy as np
from dropout_kernels.numpy import Address, dropout, mask_words
elements, threads = map(int, sys.argv[1:])
x = np.ones(elements, np.float32)
dropout(x, 0.5, Address(1), threads=20_000)
mask_words(x.size, 0.5, Address(1), threads=20_000)
def pooled():
    return sum(path.read_text() == "dropout-kernels\\n" for path in Path("/proc/self/task").glob("*/comm"))
deadline = time.monotonic() + 10  # by which threads that have just started have their name
while pooled() != threads and time.monotonic() < deadline:
    time.sleep(0.01)
print(pooled())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted as Linux shows them")
@pytest.mark.parametrize("elements, threads", [(2**18 - 1, 0), (2**18, 2), (5 * 2**17, 5), (2**26, 256)])
def test_threads_are_no_more_than_parts_of_the_work(elements: int, threads: int) -> None:
    command = [sys.executable, "-c", THREADS, str(elements), str(threads)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout.strip()) == (0, str(threads)), run.stderr


class Tagged(np.ndarray[Any, np.dtype[Any]]):
    """A subclass with something of its own."""

    unit = "none"

    def __array_finalize__(self, source: Any) -> None:
        self.unit = getattr(source, "unit", "none")


def test_subclasses_are_kept_as_by_ufuncs() -> None:
    plain = np.arange(64, dtype=np.float32).reshape(8, 8)
    tagged = plain.view(Tagged)
    tagged.unit = "volt"
    for x in tagged, tagged[::2], tagged.T, plain.view(np.matrix):
        y = dk.dropout(x, 0.5, ADDRESS)
        assert type(y) is type(np.negative(x)) is type(x)
        assert getattr(y, "unit", None) == getattr(np.negative(x), "unit", None)
        np.testing.assert_array_equal(np.asarray(y), dk.dropout(np.array(x), 0.5, ADDRESS))
    assert type(dk.dropout(tagged, 0.5, ADDRESS, out=plain.copy())) is np.ndarray
    block = tagged.reshape(1, 1, 8, 8)
    assert type(dk.drop_block(block, 0.5, (2, 2), ADDRESS)) is Tagged
    assert type(dk.quantized_dropout(tagged.astype(np.int8), 0.5, ADDRESS)) is Tagged


def test_masked_arrays_are_refused() -> None:
    """Their mask says which elements are missing: it must not be lost, and missing elements have no result."""
    x = np.ma.masked_array(X, X > 2)
    out = np.full_like(X, 7)
    for call in (
        lambda: dk.dropout(x, 0.5, ADDRESS, out=out),
        lambda: dk.drop_block(x, 0.5, (2, 2), ADDRESS, out=out),
        lambda: dk.quantized_dropout(np.ma.masked_array(Q, True), 0.5, ADDRESS),
    ):
        with pytest.raises(TypeError, match="^x is a masked array"):
            call()
    with pytest.raises(TypeError, match="^out is a masked array"):
        dk.dropout(X, 0.5, ADDRESS, out=np.ma.masked_array(out))
    assert (out == 7).all()
