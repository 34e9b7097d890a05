#!/usr/bin/env python3
"""An independent, slow and plain evaluation of the mask contract. Prints test vectors as JSON.

usage: mask_reference.py            the vectors of mask_vectors.json
       mask_reference.py SEED LAYER STEP P FIRST COUNT   one mask as a string of K(eep) and D(rop)
"""
import json, sys
from fractions import Fraction

M0, M1, W0, W1, LOW = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85, 0xFFFFFFFF

def philox4x32(ctr, key, rounds=10):
    a, b, c, d = ctr
    k0, k1 = key
    for _ in range(rounds):
        p0, p1 = a * M0, c * M1
        a, b, c, d = (p1 >> 32) ^ b ^ k0, p1 & LOW, (p0 >> 32) ^ d ^ k1, p0 & LOW
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
    return a, b, c, d

def threshold(p):
    return round(Fraction(p) * 2**32)          # ties to even, exact

def uniform(seed, layer, step, index, domain=0):
    block, word, bit = index >> 7, (index >> 5) & 3, index & 31
    u = 0
    for k in range(32):
        ctr = (block & LOW, (block >> 32) | domain << 25 | k << 27, layer, step)
        u = u << 1 | philox4x32(ctr, (seed & LOW, seed >> 32))[word] >> bit & 1
    return u

def dropped(seed, layer, step, p, index):
    return uniform(seed, layer, step, index) < threshold(p)

def vector(seed, layer, step, p, first, count):
    keep = [not dropped(seed, layer, step, p, first + i) for i in range(count)]
    return {"seed": seed, "layer": layer, "step": step, "p": p, "threshold": threshold(p), "first": first, "count": count,
            "keep": "".join("1" if k else "0" for k in keep)}

if __name__ == "__main__":
    assert philox4x32((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert philox4x32((LOW,) * 4, (LOW,) * 2) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)
    if len(sys.argv) == 7:
        seed, layer, step = (int(a, 0) for a in sys.argv[1:4])
        print("".join("D" if dropped(seed, layer, step, float(sys.argv[4]), int(sys.argv[5], 0) + i) else "K" for i in range(int(sys.argv[6]))))
        sys.exit()
    cases = []
    for p in (0.0, 2**-32, 0.1, 0.2, 0.25, 0.3, 0.5, 0.75, 0.9, 1 - 2**-32, 1.0):
        cases.append(vector(0x0123456789ABCDEF, 7, 99, p, 0, 512))
    for first in (1, 31, 127, (1 << 32) - 64, (1 << 39) - 200, (1 << 39) - 1, (1 << 63) - 100, (1 << 64) - 256):
        cases.append(vector(42, 0, 0, 0.1, first, 256))
    for seed, layer, step in ((0, 0, 0), ((1 << 64) - 1, LOW, LOW), (1 << 32, 1, 0), (1, 0, 1)):
        cases.append(vector(seed, layer, step, 0.5, 0, 256))
    json.dump(cases, sys.stdout, indent=0)
