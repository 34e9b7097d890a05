#!/usr/bin/env python3
"""An independent, slow and plain evaluation of the mask contract. Prints test vectors as JSON.

usage: mask_reference.py            the vectors of mask_vectors.json
       mask_reference.py SEED LAYER STEP P FIRST COUNT   one mask as a string of K(eep) and D(rop)
       mask_reference.py noise SEED LAYER STEP FIRST COUNT   the uniform integers of Gaussian noise, one a line
"""
import json, sys
from fractions import Fraction
from functools import lru_cache

M0, M1, W0, W1, LOW = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85, 0xFFFFFFFF
PLANES, NOISE, TIES = 0, 1, 2                 # domains

def philox4x32(ctr, key, rounds=10):
    a, b, c, d = ctr
    k0, k1 = key
    for _ in range(rounds):
        p0, p1 = a * M0, c * M1
        a, b, c, d = (p1 >> 32) ^ b ^ k0, p1 & LOW, (p0 >> 32) ^ d ^ k1, p0 & LOW
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
    return a, b, c, d

@lru_cache(maxsize=1 << 16)
def output(seed, layer, step, block, domain, k):
    """The four words of one call."""
    ctr = (block & LOW, (block >> 32) | domain << 25 | k << 27, layer, step)
    return philox4x32(ctr, (seed & LOW, seed >> 32))

def threshold(p):
    return round(Fraction(p) * 2**32)          # ties to even, exact

@lru_cache(maxsize=1 << 12)
def nibbles(seed, layer, step, block):
    """The four leading bits of the 128 decisions of a block: one bit plane after another."""
    planes = [output(seed, layer, step, block, PLANES, k) for k in range(4)]
    return [sum((planes[k][i >> 5] >> (i & 31) & 1) << (3 - k) for k in range(4)) for i in range(128)]

def uniform(seed, layer, step, index):
    """The 36-bit integer of a decision: its nibble, then four bytes dealt by its rank among those of its block with the same nibble."""
    block, i = index >> 7, index & 127
    group = nibbles(seed, layer, step, block)
    rank = sum(group[j] == group[i] for j in range(i))
    u = group[i]
    for level in range(4):
        words = output(seed, layer, step, block, TIES, 8 * level + rank // 16)
        u = u << 8 | b"".join(word.to_bytes(4, "little") for word in words)[rank % 16]
    return u

def dropped(seed, layer, step, p, index):
    return uniform(seed, layer, step, index) < threshold(p) << 4

def noise(seed, layer, step, index):
    """The 32-bit integer behind one value of Gaussian noise."""
    return output(seed, layer, step, index >> 7, NOISE, (index >> 2) & 31)[index & 3]

def vector(seed, layer, step, p, first, count):
    keep = [not dropped(seed, layer, step, p, first + i) for i in range(count)]
    return {"seed": seed, "layer": layer, "step": step, "p": p, "threshold": threshold(p), "first": first, "count": count,
            "keep": "".join("1" if k else "0" for k in keep)}

def noise_vector(seed, layer, step, first, count):
    return {"seed": seed, "layer": layer, "step": step, "first": first, "uniforms": [noise(seed, layer, step, first + i) for i in range(count)]}

def find(seed, what):
    """The first blocks of a seed in which something rare happens, so that vectors have it."""
    return next(block for block in range(1 << 20) if what(seed, block))

def ties(seed, block, nibble):
    return nibbles(seed, 0, 0, block).count(nibble)

def ties_with_first_byte(seed, block, p):
    """Whether a decision of a block still ties with the threshold after its nibble and a byte."""
    t = threshold(p) << 4
    return any(uniform(seed, 0, 0, 128 * block + i) >> 24 == t >> 24 for i in range(128) if nibbles(seed, 0, 0, block)[i] == t >> 32)

if __name__ == "__main__":
    assert philox4x32((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert philox4x32((LOW,) * 4, (LOW,) * 2) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)
    if len(sys.argv) == 7 and sys.argv[1] == "noise":
        seed, layer, step, first, count = (int(a, 0) for a in sys.argv[2:])
        print(*(noise(seed, layer, step, first + i) for i in range(count)), sep="\n")
        sys.exit()
    if len(sys.argv) == 7:
        seed, layer, step = (int(a, 0) for a in sys.argv[1:4])
        print("".join("D" if dropped(seed, layer, step, float(sys.argv[4]), int(sys.argv[5], 0) + i) else "K" for i in range(int(sys.argv[6]))))
        sys.exit()
    masks = []
    for p in (0.0, 2**-32, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 0.9375, 0.9, 1 - 2**-32, 1.0, 1 / 256, 0.1 + 2**-30):
        masks.append(vector(0x0123456789ABCDEF, 7, 99, p, 0, 512))
    for first in (1, 31, 127, (1 << 32) - 64, (1 << 39) - 200, (1 << 39) - 1, (1 << 63) - 100, (1 << 64) - 256):
        masks.append(vector(42, 0, 0, 0.1, first, 256))
    for seed, layer, step in ((0, 0, 0), ((1 << 64) - 1, LOW, LOW), (1 << 32, 1, 0), (1, 0, 1)):
        masks.append(vector(seed, layer, step, 0.5, 0, 256))
        masks.append(vector(seed, layer, step, 0.3, 0, 256))
    # Blocks with more than 16 and more than 20 ties at p = 0.1 (nibble 1), and one that a first byte does not settle.
    for what in (lambda s, b: ties(s, b, 1) > 16, lambda s, b: ties(s, b, 1) > 20, lambda s, b: ties_with_first_byte(s, b, 0.1)):
        masks.append(vector(7, 0, 0, 0.1, 128 * find(7, what) - 64 if find(7, what) else 0, 256))
    noises = [noise_vector(*args) for args in ((0x0123456789ABCDEF, 7, 99, 0, 160), (42, 0, 0, (1 << 39) - 5, 16), (42, 0, 0, (1 << 64) - 9, 9))]
    json.dump({"masks": masks, "noise": noises}, sys.stdout, indent=0)
