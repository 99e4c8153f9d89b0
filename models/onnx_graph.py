"""Writes an ONNX model without the ``onnx`` package: the few messages of its protobuf form that an encoder needs.

Field numbers: onnx.proto of ONNX 1.17; wire format: https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_IR_VERSION = 9
_OPSET = 17
MICROSOFT = "com.microsoft"
"""Domain of ONNX Runtime's own operators."""
_TYPES = {np.dtype(np.float32): 1, np.dtype(np.uint8): 2, np.dtype(np.int64): 7}


class GraphWriter:
    """Collects nodes and constants; ``model`` gives the file's bytes."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._names = 0

    def constant(self, values: NDArray[Any]) -> str:
        """A tensor of the model; returns its name."""
        name = self._new_name()
        dims = b"".join(_number(1, size) for size in values.shape)
        kind = _number(2, _TYPES[values.dtype])
        self._constants.append(_bytes(5, dims + kind + _text(8, name) + _bytes(9, values.tobytes())))
        return name

    def node(
        self, operator: str, inputs: Sequence[str], *, domain: str = "", outputs: int = 1, **attributes: float
    ) -> list[str]:
        """An operation; an input named "" is left out. Returns the names of its outputs."""
        names = [self._new_name() for _ in range(outputs)]
        body = b"".join(_text(1, name) for name in inputs) + b"".join(_text(2, name) for name in names)
        body += _text(4, operator) + b"".join(_bytes(5, _attribute(*pair)) for pair in attributes.items())
        self._nodes.append(_bytes(1, body + _text(7, domain)))
        return names

    def model(self, inputs: Mapping[str, Sequence[str | int]], output: str, shape: Sequence[str | int]) -> bytes:
        """The model. Inputs and output are float32; a dimension is a number, or a name where it varies."""
        graph = b"".join((*self._nodes, _text(2, "encoder"), *self._constants))
        graph += b"".join(_bytes(11, _value(name, dims)) for name, dims in inputs.items())
        graph += _bytes(12, _value(output, shape))
        opsets = _bytes(8, _number(2, _OPSET)) + _bytes(8, _text(1, MICROSOFT) + _number(2, 1))
        return _number(1, _IR_VERSION) + _text(2, "callcue") + _bytes(7, graph) + opsets

    def _new_name(self) -> str:
        self._names += 1
        return f"v{self._names}"


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, 2)
    return _text(1, name) + _varint(2 << 3 | 5) + np.float32(value).tobytes() + _number(20, 1)


def _value(name: str, shape: Sequence[str | int]) -> bytes:
    dims = b"".join(_bytes(1, _text(2, d) if isinstance(d, str) else _number(1, d)) for d in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, 1) + _bytes(2, dims)))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())
