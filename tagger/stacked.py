"""A classifier of three parts: characters, a linear model of the sentence vectors, and a kernel machine on them.

The kernel machine (an RBF support vector machine for each label, Cortes and Vapnik 1995) sees what is bent in the
vectors' space. What the three say of texts that they were not trained on is put together by a logistic regression
(stacking, Wolpert 1992), which calibrates as it weighs. ``TextClassifier`` reads the first two parts of such a folder;
``load_classifier`` reads whichever there is. Only numpy is needed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from callcue.core.errors import ModelError
from callcue.core.ports import Embedder, Prediction, TagModel
from tagger.classifier import TextClassifier
from tagger.features import Floats, softmax, vectors
from tagger.model_files import WEIGHTS, read_manifest
from tagger.weights import Weights

STACK = "stack"
"""Key of the manifest that says that the weights hold a stack."""
_LEAST = 1e-6

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """Support vector machines with an RBF kernel. S support vectors, D dimensions, L labels."""

    support: Floats
    """(S, D), centred and scaled as ``Weights`` says."""
    duals: Floats
    """(S, L)"""
    bias: Floats
    """(L,)"""
    gamma: float
    """Of exp(-gamma d²)."""

    def part(self, rows: Floats) -> Probabilities:
        """(n, D) centred and scaled -> (n, L) decision values."""
        squares = (rows**2).sum(1)[:, None] + (self.support**2).sum(1)[None, :]
        distances = np.maximum(squares - 2 * rows @ self.support.T, 0)
        return np.asarray(np.exp(-self.gamma * distances) @ self.duals + self.bias, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The kernel machine and what puts the parts together."""

    kernel: Kernel
    meta: Floats
    """(3 L, L): of characters, vectors and kernel."""
    meta_bias: Floats
    """(L,)"""

    def check(self, labels: int, dims: int) -> str | None:
        """What is wrong with the shapes or values, or None."""
        held = len(self.kernel.support)
        wanted = {
            "kernel_support": (self.kernel.support, (held, dims)),
            "kernel_duals": (self.kernel.duals, (held, labels)),
            "kernel_bias": (self.kernel.bias, (labels,)),
            "meta": (self.meta, (3 * labels, labels)),
            "meta_bias": (self.meta_bias, (labels,)),
        }
        for name, (array, shape) in wanted.items():
            if array.shape != shape or not np.isfinite(array).all():
                return f"{name} has the shape {array.shape} or values that are not finite, expected {shape}"
        return None if self.kernel.gamma > 0 and np.isfinite(self.kernel.gamma) else "gamma is not a positive number"

    def join(self, parts: Probabilities) -> Probabilities:
        """(n, 3 L) of ``features`` -> (n, L) probabilities."""
        return softmax(parts @ self.meta + self.meta_bias)


def features(chars: Probabilities, dense: Probabilities, kernel: Probabilities) -> Probabilities:
    """What the parts say, side by side: logarithms of probabilities, and decision values; (n, 3 L)."""
    return np.concatenate([np.log(np.maximum(chars, _LEAST)), np.log(np.maximum(dense, _LEAST)), kernel], axis=1)


class StackedClassifier:
    """A TagModel. Thread-safe: nothing changes after construction."""

    def __init__(
        self, *, name: str, labels: tuple[str, ...], weights: Weights, stack: Stack, embedder: Embedder
    ) -> None:
        self._name = name
        self._labels = labels
        self._weights = weights
        self._stack = stack
        self._embedder = embedder

    @property
    def name(self) -> str:
        """Field and version, as written beside its findings."""
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        """What it can say."""
        return self._labels

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction per text, in order."""
        if not texts:
            return []
        rows, weights = vectors(self._embedder, texts), self._weights
        kernel = self._stack.kernel.part(weights.centred(rows))
        joined = self._stack.join(features(weights.chars_part(texts), weights.dense_part(rows), kernel))
        return [self._prediction(row) for row in joined]

    def _prediction(self, row: Probabilities) -> Prediction:
        best = int(row.argmax())
        distribution = {label: float(value) for label, value in zip(self._labels, row, strict=True)}
        return Prediction(label=self._labels[best], probability=float(row[best]), distribution=distribution)


def load_classifier(folder: Path, embedder: Embedder) -> TagModel:
    """The classifier of a folder, of either kind. Raises ModelError, ChecksumMismatch."""
    base = TextClassifier.load(folder, embedder)
    manifest = read_manifest(folder)
    if STACK not in manifest:
        return base
    stack = _read_stack(folder / WEIGHTS)
    problem = stack.check(len(base.labels), embedder.dims)
    if problem is not None:
        raise ModelError(f"{folder / WEIGHTS} does not hold a classifier's weights ({problem}): train again")
    return StackedClassifier(name=base.name, labels=base.labels, weights=base.weights, stack=stack, embedder=embedder)


def arrays_of(stack: Stack) -> dict[str, npt.NDArray[Any]]:
    """As they are stored; half precision for the support vectors."""
    return {
        "kernel_support": np.ascontiguousarray(stack.kernel.support.astype(np.float16)),
        "kernel_duals": np.ascontiguousarray(stack.kernel.duals),
        "kernel_bias": stack.kernel.bias,
        "kernel_gamma": np.array([stack.kernel.gamma], dtype=np.float64),
        "meta": np.ascontiguousarray(stack.meta),
        "meta_bias": stack.meta_bias,
    }


def _read_stack(path: Path) -> Stack:
    """From a file whose checksum was verified."""
    from safetensors.numpy import load

    try:
        arrays = load(path.read_bytes())
        kernel = Kernel(
            support=arrays["kernel_support"].astype(np.float32),
            duals=arrays["kernel_duals"].astype(np.float32),
            bias=arrays["kernel_bias"].astype(np.float32),
            gamma=float(arrays["kernel_gamma"].reshape(())),
        )
        meta, bias = arrays["meta"].astype(np.float32), arrays["meta_bias"].astype(np.float32)
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(f"{path} does not hold the stack that its manifest names ({error}): train again") from error
    return Stack(kernel=kernel, meta=meta, meta_bias=bias)
