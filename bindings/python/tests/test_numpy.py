"""The functions on arrays, against plain NumPy on the contract's masks."""

import doctest
import importlib.metadata
import multiprocessing
import time
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import contract
import dropout_kernels
from dropout_kernels import Address
from dropout_kernels import numpy as dk

FLOATS = np.float16, np.float32, np.float64
ADDRESS = Address(seed=42, layer=3, step=1000, offset=5)
RANDOM = np.random.default_rng(0)


def test_the_version_is_that_of_the_package() -> None:
    assert dropout_kernels.__version__ == importlib.metadata.version("dropout-kernels")


def values(shape: int | tuple[int, ...], dtype: Any) -> Any:
    return RANDOM.standard_normal(shape).astype(dtype)


def scaled(x: Any, factor: float) -> Any:
    """One product in the type, half precision in single."""
    if x.dtype == np.float16:
        return (x.astype(np.float32) * np.float32(factor)).astype(np.float16)
    return x * x.dtype.type(factor)


def expected_dropout(x: Any, p: float, keep: Any) -> Any:
    return np.where(keep, scaled(x, contract.scale(p)), x.dtype.type(0))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9])
def test_dropout(dtype: Any, p: float) -> None:
    x = values((7, 300), dtype)
    expected = expected_dropout(x, p, contract.keep(ADDRESS, p, x.size).reshape(x.shape))
    y = dk.dropout(x, p, ADDRESS)
    np.testing.assert_array_equal(y, expected, strict=True)
    np.testing.assert_array_equal(dk.dropout_backward(x, p, ADDRESS), expected)
    out = np.empty_like(x)
    assert dk.dropout(x, p, ADDRESS, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert dk.dropout(out, 0.0, ADDRESS, out=out) is out
    assert dk.dropout(x, p, ADDRESS, out=x) is x
    np.testing.assert_array_equal(x, expected)


def test_dropped_nan_becomes_zero() -> None:
    x = np.full(1000, np.nan, np.float32)
    y = dk.dropout(x, 0.5, ADDRESS)
    dropped = ~contract.keep(ADDRESS, 0.5, 1000)
    assert not y[dropped].any() and not np.signbit(y[dropped]).any() and np.isnan(y[~dropped]).all()
    assert not dk.dropout(x, 1.0, ADDRESS).any()


@pytest.mark.parametrize("shared", [(2, 3), (1, 2), (1, 2, 3), (0,), (-1, 0), (0, 1, 2, 3)])
def test_shared_axes(shared: tuple[int, ...]) -> None:
    x = values((3, 5, 4, 6), np.float32)
    own = [1 if axis in shared or axis - 4 in shared else extent for axis, extent in enumerate(x.shape)]
    keep = contract.keep(ADDRESS, 0.3, int(np.prod(own))).reshape(own)
    np.testing.assert_array_equal(dk.dropout(x, 0.3, ADDRESS, shared=shared), expected_dropout(x, 0.3, keep))


def test_input_in_any_order() -> None:
    x = values((40, 30), np.float32)
    for view in x.T, x[::2, 1:], x[::-1]:
        expected = dk.dropout(view.copy(), 0.4, ADDRESS)
        np.testing.assert_array_equal(dk.dropout(view, 0.4, ADDRESS), expected)


def test_alpha_dropout() -> None:
    """The formula of the documentation: a x + b where kept, a q s where dropped."""
    p, s = 0.25, -1.7580993408473766
    q = 1 - p
    a = 1 / np.sqrt(q + s * s * q * (1 - q))
    b = a * (q - 1) * s
    x = values(1000, np.float32)
    keep = contract.keep(ADDRESS, p, 1000)
    expected = np.where(keep, x * np.float32(a) + np.float32(b), np.float32(a * q * s))
    np.testing.assert_array_equal(dk.alpha_dropout(x, p, ADDRESS), expected)
    backward = np.where(keep, x * np.float32(a), np.float32(0))
    np.testing.assert_array_equal(dk.alpha_dropout_backward(x, p, ADDRESS), backward)


def test_gaussian() -> None:
    """Normal quantiles of the contract's integers, to the error that the documentation states."""
    z = np.array([NormalDist().inv_cdf((u + 0.5) / 2**32) for u in contract.noise(ADDRESS, 1000).tolist()])
    x, ones = values(1000, np.float64), np.ones(1000, np.float64)
    factor = dk.gaussian_dropout(ones, 0.2, ADDRESS)
    np.testing.assert_allclose(factor, 1 + 0.5 * z, rtol=0, atol=2e-6)
    np.testing.assert_array_equal(dk.gaussian_dropout_backward(x, 0.2, ADDRESS), x * factor)
    np.testing.assert_allclose(dk.gaussian_noise(x, 0.5, ADDRESS), x + 0.5 * z, rtol=0, atol=2e-6)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
def test_quantized_dropout(dtype: Any) -> None:
    info = np.iinfo(dtype)
    x = RANDOM.integers(info.min, info.max, 5000, dtype, endpoint=True)
    keep = contract.keep(ADDRESS, 0.5, x.size)
    np.testing.assert_array_equal(dk.quantized_dropout(x, 0.5, ADDRESS, zero_point=3), np.where(keep, x, dtype(3)))
    doubled = np.clip(3 + 2 * (x.astype(np.int64) - 3), info.min, info.max).astype(dtype)
    y = dk.quantized_dropout(x, 0.5, ADDRESS, zero_point=3, fixed_point_scale=True)
    np.testing.assert_array_equal(y, np.where(keep, doubled, dtype(3)), strict=True)
    assert dk.quantized_dropout(x, 0.5, ADDRESS, out=x) is x
    with pytest.raises(ValueError, match="zero_point 40000"):
        dk.quantized_dropout(x, 0.5, ADDRESS, zero_point=40_000)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("shared_channels", [False, True])
@pytest.mark.parametrize("block", [(3,), (2, 3), (2, 1, 3)])
def test_drop_block(block: tuple[int, ...], channels_last: bool, shared_channels: bool) -> None:
    """Patch by patch. Decisions go by sample, channel and corner or, channels last, by sample, corner and channel."""
    n, c, extents = 30, 4, (6, 7, 8)[: len(block)]
    corners = tuple(extent - size + 1 for extent, size in zip(extents, block, strict=True))
    area, patch, places = (np.prod(lengths, dtype=float) for lengths in (extents, block, corners))
    gamma = contract.threshold(0.3) / 2**32 * (area / (patch * places))
    channels = 1 if shared_channels else c
    keep = contract.keep(ADDRESS, gamma, n * channels * int(places))
    if channels_last:
        keep = np.moveaxis(keep.reshape(n, *corners, channels), -1, 1)
    keep = keep.reshape(n, channels, *corners)
    mask = np.ones((n, channels, *extents), bool)
    for sample, channel, *corner in np.argwhere(~keep):
        mask[(sample, channel, *(slice(at, at + size) for at, size in zip(corner, block, strict=True)))] = False
    x = values((n, c, *extents), np.float32)
    expected = np.where(mask, x * np.float32(mask.size / mask.sum()), np.float32(0))
    assert 0 < mask.mean() < 1
    if channels_last:
        x, expected = (np.ascontiguousarray(np.moveaxis(array, 1, -1)) for array in (x, expected))
    y = dk.drop_block(x, 0.3, block, ADDRESS, channels_last=channels_last, shared_channels=shared_channels)
    np.testing.assert_array_equal(y, expected)


def test_bad_arguments_change_nothing() -> None:
    x = values(100, np.float32)
    before = x.copy()
    for p in -0.1, 1.1, float("nan"):
        with pytest.raises(ValueError, match="probability from 0 to 1"):
            dk.dropout(x, p, ADDRESS, out=x)
    with pytest.raises(ValueError, match="shared axis 1"):
        dk.dropout(x, 0.5, ADDRESS, shared=[1], out=x)
    with pytest.raises(ValueError, match="shared axis 0"):
        dk.dropout(x, 0.5, ADDRESS, shared=[0, 0], out=x)
    with pytest.raises(ValueError, match="logical index 2\\^64"):
        dk.dropout(x, 0.5, ADDRESS._replace(offset=2**64 - 1), out=x)
    with pytest.raises(ValueError, match="step 4294967296"):
        dk.dropout(x, 0.5, ADDRESS._replace(step=2**32), out=x)
    with pytest.raises(ValueError, match="standard deviation"):
        dk.gaussian_noise(x, -1.0, ADDRESS, out=x)
    with pytest.raises(ValueError, match="block sizes"):
        dk.drop_block(x, 0.5, [2, 2], ADDRESS, out=x)
    np.testing.assert_array_equal(x, before)


def test_bad_arrays() -> None:
    x = values((10, 10), np.float32)
    for dtype in ">f4", np.complex64, np.int32, np.longdouble, object:
        with pytest.raises(TypeError, match="expected one of float32, float64, float16"):
            dk.dropout(x.astype(dtype), 0.5, ADDRESS)
    with pytest.raises(TypeError, match="expected one of int8, uint8, int16"):
        dk.quantized_dropout(x, 0.5, ADDRESS)
    read_only = x.copy()
    read_only.flags.writeable = False
    for out in read_only, x.T, x[:, 1:], x[1:], x.astype(np.float64):
        with pytest.raises(ValueError, match="out is"):
            dk.dropout(x, 0.5, ADDRESS, out=out)
    with pytest.raises(ValueError, match="overlap"):
        dk.dropout(x.ravel()[:50], 0.5, ADDRESS, out=x.ravel()[1:51])


def test_empty_and_scalar_arrays() -> None:
    assert dk.dropout(np.zeros((0, 3)), 0.5, ADDRESS).shape == (0, 3)
    assert dk.mask((2, 0), 0.5, ADDRESS).shape == (2, 0)
    assert dk.mask_words(0, 0.5, ADDRESS).shape == (0,)
    assert dk.drop_block(np.zeros((2, 0, 5)), 0.5, [2], ADDRESS).shape == (2, 0, 5)
    assert dk.dropout(np.array(1.0), 0.0, ADDRESS) == 1.0


def everything(threads: int) -> list[Any]:
    """Large enough for several threads."""
    x = np.random.default_rng(1).standard_normal((4, 8, 128, 128))
    return [
        dk.mask_words(2**20, 0.1, ADDRESS, threads=threads),
        dk.dropout(x, 0.1, ADDRESS, threads=threads),
        dk.dropout(x, 0.1, ADDRESS, shared=(1, 2), threads=threads),
        dk.alpha_dropout(x, 0.1, ADDRESS, threads=threads),
        dk.gaussian_dropout(x, 0.1, ADDRESS, threads=threads),
        dk.drop_block(x, 0.1, [3, 3], ADDRESS, threads=threads),
        dk.quantized_dropout(x.astype(np.int8), 0.1, ADDRESS, threads=threads),
    ]


def test_threads_change_no_bit() -> None:
    serial = everything(1)
    for threads in 2, 3, 2:
        for there, here in zip(serial, everything(threads), strict=True):
            np.testing.assert_array_equal(there, here)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="shows threads on Linux only")
def test_a_pool_has_as_many_threads_as_asked_for() -> None:
    def pooled() -> int:
        return sum(path.read_text() == "dropout-kernels\n" for path in Path("/proc/self/task").glob("*/comm"))

    x = np.ones(3 * 2**17, np.float32)
    for threads in 3, 2:
        dk.dropout(x, 0.5, ADDRESS, threads=threads)
        deadline = time.monotonic() + 10  # by which the threads of the pool before have ended
        while pooled() != threads and time.monotonic() < deadline:
            time.sleep(0.01)
        assert pooled() == threads
        dk.dropout(x, 0.5, ADDRESS, threads=1)
        assert pooled() == threads


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_threads_after_a_fork() -> None:
    """A fork copies a pool, but not its threads."""
    expected = everything(2)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        for there, here in zip(expected, pool.apply_async(everything, (2,)).get(timeout=60), strict=True):
            np.testing.assert_array_equal(there, here)


def test_examples() -> None:
    for module in dropout_kernels, dk:
        failed, attempted = doctest.testmod(module)
        assert (failed, attempted > 0) == (0, True)
