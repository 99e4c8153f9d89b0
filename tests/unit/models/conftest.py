"""A small model in two installed packages, as Whisper base is in two large ones."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from models.registry import ModelFile, ModelSpec, PackagePart, PackageSource

PART_1 = bytes(range(256)) * 64
PART_2 = b"the end of the weights" * 100
CONFIG = b'{"alignment_heads": []}'


def _file(name: str, content: bytes, *parts: PackagePart) -> ModelFile:
    return ModelFile(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), parts=parts)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on ``sys.path`` with the packages ``tiny_part_1`` and ``tiny_part_2``."""
    root = tmp_path / "site"
    for module, files in {
        "tiny_part_1": {"data/model.bin.part1": PART_1},
        "tiny_part_2": {"data/model.bin.part2": PART_2, "data/config.json": CONFIG},
    }.items():
        for name, content in files.items():
            path = root / module / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (root / module / "__init__.py").write_text("raise RuntimeError('located, never imported')\n")
    monkeypatch.syspath_prepend(str(root))
    return root


@pytest.fixture
def joined_spec(installed: Path) -> ModelSpec:
    """A model that has to be joined from two packages."""
    weights = (
        PackagePart(module="tiny_part_1", path="data/model.bin.part1"),
        PackagePart(module="tiny_part_2", path="data/model.bin.part2"),
    )
    source = PackageSource(
        packages=("tiny-part-1==1.0", "tiny-part-2==1.0"),
        files=(
            _file("model.bin", PART_1 + PART_2, *weights),
            _file("config.json", CONFIG, PackagePart(module="tiny_part_2", path="data/config.json")),
        ),
    )
    return ModelSpec(name="tiny", kind="whisper", languages=("zh",), source=source, licence="MIT")


@pytest.fixture
def in_place_spec(installed: Path) -> ModelSpec:
    """A model that is used where pip put it."""
    source = PackageSource(
        packages=("tiny-part-2==1.0",),
        folder=PackagePart(module="tiny_part_2", path="data"),
        files=(_file("config.json", CONFIG, PackagePart(module="tiny_part_2", path="data/config.json")),),
    )
    return ModelSpec(name="placed", kind="whisper", languages=("zh",), source=source, licence="MIT")


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many times any file was hashed since the start of the test."""
    count = 0
    real = hashlib.sha256

    def counting(*args: bytes) -> "hashlib._Hash":
        nonlocal count
        count += 1
        return real(*args)

    monkeypatch.setattr("models.assemble.hashlib.sha256", counting)
    return lambda: count
