"""The contract against published vectors, and the library against the contract."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import contract
from dropout_kernels import Address
from dropout_kernels import numpy as dk

VECTORS = json.loads((Path(__file__).parents[3] / "tests/data/mask_vectors.json").read_text())


def test_philox_has_the_published_words() -> None:
    """Philox4x32-10 of zeros, from the known answers of its authors."""
    words = contract.call(Address(0), np.zeros(1, np.uint64), 0, np.uint64(0))[0]
    assert [hex(word) for word in words] == ["0x6627e8d5", "0xe169c58d", "0xbc57ac4c", "0x9b00dbd8"]


@pytest.mark.parametrize("vector", VECTORS["masks"], ids=lambda v: f"{v['seed']}-{v['p']}-{v['first']}")
def test_vectors(vector: dict[str, Any]) -> None:
    address = Address(vector["seed"], vector["layer"], vector["step"], vector["first"])
    expected = np.array([bit == "1" for bit in vector["keep"]])
    p, count = vector["p"], vector["count"]
    np.testing.assert_array_equal(contract.keep(address, p, count), expected)
    np.testing.assert_array_equal(dk.mask(count, p, address), expected)
    packed = np.packbits(expected, bitorder="little")
    words = dk.mask_words(count, p, address)
    np.testing.assert_array_equal(words.astype("<u4").view(np.uint8)[: len(packed)], packed)


@pytest.mark.parametrize("vector", VECTORS["noise"], ids=lambda v: f"{v['seed']}-{v['first']}")
def test_vectors_of_noise(vector: dict[str, Any]) -> None:
    address = Address(vector["seed"], vector["layer"], vector["step"], vector["first"])
    assert contract.noise(address, len(vector["uniforms"])).tolist() == vector["uniforms"]


def test_ten_million_decisions() -> None:
    """One address, and rates with and without ties: p = 0.1 and 1/3 take bytes at all levels, 0.375 takes none."""
    count = 10_000_000
    address = Address(seed=0x0123456789ABCDEF, layer=5, step=77, offset=2**40 + 12_345)
    uniforms = contract.uniforms(address, count)
    for p in 0.1, 1 / 3, 0.375, 1 - 2**-32:
        np.testing.assert_array_equal(dk.mask(count, p, address), uniforms >= 16 * contract.threshold(p))
