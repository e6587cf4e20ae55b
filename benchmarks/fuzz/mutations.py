"""Damaging bytes and inventing JSON, a function of a seeded generator."""

from __future__ import annotations

import random
from collections.abc import Sequence

__all__ = ["invented", "mutated"]

_TOKENS = [b"\x00", b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xed\xa0\x80", b"\xef\xbb\xbf"]
_TOKENS += [b'"', b"\n", b",", b"{", b"[", b"\\u0000", b"9" * 400, b"../", b"=1+1", b"NaN", b"-", b"1e999"]
_WORDS = ["label", "domain", "group", "metadata.age", "metadata.", "metadata", "eq", "in", "not", "", "\x00", "\ud800"]
_NUMBERS = [0, 1, -1, 2**63, 10**400, 1.0, float("nan"), float("inf"), -0.0, 1e308]


def mutated(sound: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """Damaged at one to eight places: bits, bytes, numbers, cuts, repetitions, pieces of other files."""
    content = bytearray(sound)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(content) + 1)
        if content and chance.random() < 0.5:
            at = min(at, chance.randrange(256))  # headers are where readers decide
        kind = chance.randrange(6)
        if kind == 0 and at < len(content):
            content[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            content[at : at + chance.randint(0, 9)] = chance.randbytes(chance.randint(0, 9))
        elif kind == 2:
            content[at : at + chance.choice([0, 4])] = chance.choice(_TOKENS)
        elif kind == 3:
            del content[at : at + chance.choice([1, 16, 4096])]
        elif kind == 4:
            content[at:at] = content[at : at + chance.choice([1, 12, 400])] * chance.choice([1, 2, 50])
        else:
            other = chance.choice(others)
            begin = chance.randrange(len(other) + 1)
            content[at:at] = other[begin : begin + chance.choice([4, 64, 1024])]
    return bytes(content)


def invented(chance: random.Random, depth: int = 0) -> object:
    """A JSON value and what Python makes of worse: odd words, huge numbers, nested anyhow."""
    kind = chance.randrange(8 if depth < 6 else 4)
    if kind == 0:
        return chance.choice(_WORDS)
    if kind == 1:
        return chance.choice(_NUMBERS)
    if kind == 2:
        return chance.choice([None, True, False])
    if kind == 3:
        return "".join(chr(chance.randrange(0x300)) for _ in range(chance.randrange(8)))
    if kind == 4:
        return [invented(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(_WORDS): invented(chance, depth + 1) for _ in range(chance.randrange(4))}
