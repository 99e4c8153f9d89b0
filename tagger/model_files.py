"""The files of a trained classifier: ``model.safetensors`` and ``manifest.json``. Nothing in them is ever executed."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from callcue.core.errors import ChecksumMismatch, ModelError
from tagger.respelling import ORDER, Arrays, Respeller
from tagger.weights import Shares, Weights

FORMAT = 3
"""1, still read: two experts and one share, n-grams of scheme 1. 2, still read: no speller."""
_FORMATS = (1, 2, FORMAT)
WEIGHTS = "model.safetensors"
MANIFEST = "manifest.json"
_SPELLER = "speller_"
_MAX_LABELS = 2000
_MAX_BYTES = 1_000_000_000


def read_manifest(folder: Path) -> dict[str, Any]:
    """The checked manifest of a model folder, in the form of the newest format. Raises ModelError."""
    path = folder / MANIFEST
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"There is no classifier in {folder}: make one with `callcue tagger train`") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read ({error}): restore it or train again") from error
    problem = _manifest_problem(held)
    if problem is not None:
        raise ModelError(f"{path} is not a manifest of a classifier: {problem}")
    if held["format"] == 1:
        shares = {"dense": held["share"], "prototypes": 0.0, "chars": 1 - held["share"]}
        return {**held, "shares": shares, "scheme": 1}
    return dict(held)


def shares_of(manifest: Mapping[str, Any]) -> Shares:
    """The experts' shares that a checked manifest names."""
    held = manifest["shares"]
    return Shares(dense=float(held["dense"]), prototypes=float(held["prototypes"]), chars=float(held["chars"]))


def _manifest_problem(held: object) -> str | None:
    if not isinstance(held, Mapping):
        return "it is not an object"
    return _identity_problem(held) or _numbers_problem(held)


def _identity_problem(held: Mapping[str, object]) -> str | None:
    if held.get("format") not in _FORMATS or isinstance(held.get("format"), bool):
        return f"its format is {held.get('format')!r}, this version of CallCue reads 1 to {FORMAT}"
    for key in ("field", "embedder", "sha256"):
        if not isinstance(held.get(key), str):
            return f"{key!r} must be a text"
    labels = held.get("labels")
    if (
        not isinstance(labels, list)
        or not 2 <= len(labels) <= _MAX_LABELS
        or not all(isinstance(x, str) for x in labels)
    ):
        return f"'labels' must be 2 to {_MAX_LABELS} texts"
    if len(set(labels)) != len(labels):
        return "'labels' names one twice"
    return None


def _numbers_problem(held: Mapping[str, object]) -> str | None:
    if not _within(held.get("temperature"), 0.01, 100.0):
        return "'temperature' must be a number from 0.01 to 100"
    if held.get("format") == 1:
        return None if _within(held.get("share"), 0.0, 1.0) else "'share' must be a number from 0 to 1"
    if held.get("scheme") not in (1, 2):
        return "'scheme' must be 1 or 2"
    shares = held.get("shares")
    names = ("dense", "prototypes", "chars")
    if not isinstance(shares, Mapping) or not all(_within(shares.get(name), 0.0, 1.0) for name in names):
        return f"'shares' must hold a number from 0 to 1 for each of {', '.join(names)}"
    total = sum(float(shares[name]) for name in names)
    return None if abs(total - 1) < 1e-6 else "'shares' must add up to 1"


def _within(number: object, low: float, high: float) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and low <= number <= high


def read_weights(path: Path, manifest: Mapping[str, Any]) -> Weights:
    """The weights, checked against the manifest's checksum. Raises ModelError, ChecksumMismatch."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ModelError(f"{path} is larger than any classifier: restore it or train again")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error}): restore it or train again") from error
    if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
        raise ChecksumMismatch(f"{path} is not the file that its manifest describes: restore it or train again")
    try:
        held = load(data)
        others = ("scale", "buckets", "owner")
        floats = {
            name: held[name].astype(np.float32) for name in held if name not in others and not name.startswith(_SPELLER)
        }
        return Weights(
            mean=floats["mean"],
            scale=float(held["scale"].reshape(())),
            dense=floats["dense"],
            dense_bias=floats["dense_bias"],
            buckets=held["buckets"].astype(np.int32),
            idf=floats["idf"],
            chars=floats["chars"],
            chars_bias=floats["chars_bias"],
            prototypes=floats.get("prototypes"),
            prototypes_bias=floats.get("prototypes_bias"),
            scheme=int(manifest["scheme"]),
            owner=held["owner"].astype(np.int32) if "owner" in held else None,
        )
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"{path} does not hold a classifier's weights ({error}): train again") from error


def read_respeller(path: Path) -> Respeller | None:
    """The speller of a file whose checksum was verified; None where it has none. Raises ModelError."""
    from safetensors.numpy import load

    held = load(path.read_bytes())
    if not any(name.startswith(_SPELLER) for name in held):
        return None
    sizes = range(1, ORDER + 1)
    try:
        found = Arrays(
            keys=tuple(held[f"{_SPELLER}keys_{size}"].astype(np.uint64) for size in sizes),
            counts=tuple(held[f"{_SPELLER}counts_{size}"].astype(np.uint32) for size in sizes),
        )
    except KeyError as error:
        raise ModelError(f"{path} does not hold the whole speller ({error}): train again") from error
    problem = found.problem()
    if problem is not None:
        raise ModelError(f"{path} does not hold a speller ({problem}): train again")
    return Respeller.of_arrays(found)


def speller_arrays(respeller: Respeller | None) -> dict[str, npt.NDArray[Any]]:
    """What is written of a speller."""
    if respeller is None:
        return {}
    held = respeller.arrays()
    keys = {f"{_SPELLER}keys_{size}": part for size, part in enumerate(held.keys, 1)}
    return {**keys, **{f"{_SPELLER}counts_{size}": part for size, part in enumerate(held.counts, 1)}}


def arrays(weights: Weights) -> dict[str, npt.NDArray[Any]]:
    """What is written. Half precision for the big ones: the probabilities change in the fourth place only."""
    found: dict[str, npt.NDArray[Any]] = {
        "mean": weights.mean,
        "scale": np.array([weights.scale], dtype=np.float32),
        "dense": np.ascontiguousarray(weights.dense),
        "dense_bias": weights.dense_bias,
        "buckets": weights.buckets,
        "idf": weights.idf,
        "chars": np.ascontiguousarray(weights.chars.astype(np.float16)),
        "chars_bias": weights.chars_bias,
    }
    if weights.prototypes is not None and weights.prototypes_bias is not None:
        found |= {
            "prototypes": np.ascontiguousarray(weights.prototypes),
            "prototypes_bias": weights.prototypes_bias,
        }
    if weights.owner is not None:
        found["owner"] = weights.owner
    return found


def write_model(held: Mapping[str, npt.NDArray[Any]], manifest: Mapping[str, Any], folder: Path) -> None:
    """Weights and manifest, with the weights' checksum in it."""
    from safetensors.numpy import save

    data = save(dict(held))
    whole = {**manifest, "sha256": hashlib.sha256(data).hexdigest()}
    (folder / WEIGHTS).write_bytes(data)
    (folder / MANIFEST).write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
