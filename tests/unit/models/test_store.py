"""A model folder is whole or absent, and damage is noticed."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from callcue.core.errors import ChecksumMismatch, ModelError
from models.assemble import READY
from models.registry import ModelSpec, resolve
from models.store import ModelStore
from tests.unit.models.conftest import CONFIG, PART_1, PART_2


def _cached(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if not path.name.endswith(".lock")}


def test_parts_are_joined_in_order_and_progress_ends_at_the_total(tmp_path: Path, joined_spec: ModelSpec) -> None:
    seen: list[tuple[int, int]] = []
    store = ModelStore(tmp_path / "cache")
    assert store.status(joined_spec).state == "missing"
    folder = store.ensure(joined_spec, lambda done, total: seen.append((done, total)))
    assert (folder / "model.bin").read_bytes() == PART_1 + PART_2
    assert (folder / "config.json").read_bytes() == CONFIG
    total = len(PART_1 + PART_2 + CONFIG)
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)
    assert store.status(joined_spec).state == "ready"
    assert _cached(tmp_path / "cache") == {"tiny"}


def test_a_second_start_does_not_hash_again(tmp_path: Path, joined_spec: ModelSpec, hashed: Callable[[], int]) -> None:
    ModelStore(tmp_path).ensure(joined_spec)
    before = hashed()
    ModelStore(tmp_path).ensure(joined_spec)
    assert hashed() == before


def test_a_ready_model_outlives_its_packages(tmp_path: Path, joined_spec: ModelSpec, installed: Path) -> None:
    store = ModelStore(tmp_path / "cache")
    folder = store.ensure(joined_spec)
    shutil.rmtree(installed / "tiny_part_1")
    assert store.status(joined_spec).state == "ready"
    assert store.ensure(joined_spec) == folder


@pytest.mark.parametrize("damage", ["shorten", "change", "remove"])
def test_damage_is_noticed_at_the_next_start_and_mended(tmp_path: Path, joined_spec: ModelSpec, damage: str) -> None:
    store = ModelStore(tmp_path / "cache")
    weights = store.ensure(joined_spec) / "model.bin"
    content = weights.read_bytes()
    if damage == "shorten":
        weights.write_bytes(content[:-1])
    elif damage == "change":
        weights.write_bytes(content[:-1] + b"!")
    else:
        weights.unlink()
    status = store.status(joined_spec)
    assert status.state == "damaged"
    assert "model.bin" in status.detail
    assert "callcue models fetch tiny" in status.detail
    store.ensure(joined_spec)
    assert weights.read_bytes() == content
    assert store.status(joined_spec).state == "ready"
    assert _cached(tmp_path / "cache") == {"tiny"}


def test_damage_that_keeps_size_and_time_is_found_by_check(tmp_path: Path, joined_spec: ModelSpec) -> None:
    store = ModelStore(tmp_path / "cache")
    weights = store.ensure(joined_spec) / "model.bin"
    stat = weights.stat()
    weights.write_bytes(b"x" * stat.st_size)
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    status = store.check(joined_spec)
    assert status.state == "damaged"
    assert "sha256" in status.detail


def test_a_copied_cache_is_hashed_once_not_joined_again(
    tmp_path: Path, joined_spec: ModelSpec, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ModelStore(tmp_path / "cache").ensure(joined_spec)
    for path in folder.iterdir():
        os.utime(path, (1, 1))

    def never(*_: object) -> None:
        raise AssertionError("joined again")

    monkeypatch.setattr("models.store.assemble", never)
    store = ModelStore(tmp_path / "cache")
    assert store.ensure(joined_spec) == folder
    assert store.status(joined_spec).state == "ready"


def test_a_wrong_checksum_is_refused_and_says_what_to_do(
    tmp_path: Path, joined_spec: ModelSpec, installed: Path
) -> None:
    part = installed / "tiny_part_2/data/model.bin.part2"
    part.write_bytes(b"T" + part.read_bytes()[1:])
    store = ModelStore(tmp_path / "cache")
    with pytest.raises(ChecksumMismatch) as caught:
        store.ensure(joined_spec)
    message = caught.value.message
    assert "model.bin" in message
    assert joined_spec.source.files[0].sha256 in message  # type: ignore[union-attr]
    assert "pip install --force-reinstall" in message
    assert "tiny-part-2" in message
    assert _cached(tmp_path / "cache") == set()
    assert store.status(joined_spec).state == "missing"


def test_a_damaged_package_does_not_cost_the_model_that_was_there(
    tmp_path: Path, joined_spec: ModelSpec, installed: Path
) -> None:
    store = ModelStore(tmp_path / "cache")
    folder = store.ensure(joined_spec)
    (folder / "config.json").write_bytes(b"{}")
    (installed / "tiny_part_1/data/model.bin.part1").write_bytes(b"short")
    with pytest.raises(ChecksumMismatch):
        store.ensure(joined_spec)
    assert (folder / "model.bin").read_bytes() == PART_1 + PART_2


def test_no_room_is_said_before_anything_is_written(
    tmp_path: Path, joined_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.assemble.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    with pytest.raises(ModelError, match=r"Not enough room.*CALLCUE_MODEL_CACHE"):
        ModelStore(tmp_path / "cache").ensure(joined_spec)
    assert _cached(tmp_path / "cache") == set()


def test_a_cache_that_is_a_file_is_a_clear_error(tmp_path: Path, joined_spec: ModelSpec) -> None:
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(ModelError, match=r"cannot be written.*CALLCUE_MODEL_CACHE"):
        ModelStore(tmp_path / "cache").ensure(joined_spec)


def test_an_absent_package_is_not_installed_and_names_the_command(
    tmp_path: Path, joined_spec: ModelSpec, installed: Path
) -> None:
    shutil.rmtree(installed / "tiny_part_2")
    store = ModelStore(tmp_path)
    status = store.status(joined_spec)
    assert status.state == "not-installed"
    assert "pip install tiny-part-1==1.0 tiny-part-2==1.0" in status.detail
    with pytest.raises(ModelError, match="is not installed"):
        store.ensure(joined_spec)


def test_in_place_models_are_checked_once_and_not_copied(
    tmp_path: Path, in_place_spec: ModelSpec, installed: Path, hashed: Callable[[], int]
) -> None:
    store = ModelStore(tmp_path / "cache")
    assert store.status(in_place_spec).state == "missing"
    assert store.ensure(in_place_spec) == installed / "tiny_part_2/data"
    before = hashed()
    store.ensure(in_place_spec)
    assert hashed() == before
    assert store.status(in_place_spec).state == "ready"
    assert _cached(tmp_path / "cache") == {f"placed{READY}"}


def test_a_damaged_in_place_model_is_refused(tmp_path: Path, in_place_spec: ModelSpec, installed: Path) -> None:
    (installed / "tiny_part_2/data/config.json").write_bytes(CONFIG.replace(b"heads", b"tails"))
    with pytest.raises(ChecksumMismatch, match=r"config\.json.*pip install --force-reinstall.*tiny-part-2==1\.0"):
        ModelStore(tmp_path).ensure(in_place_spec)
    assert ModelStore(tmp_path).check(in_place_spec).state == "damaged"


def test_a_hub_model_that_cannot_be_reached_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = resolve("some-org/some-model", "embedder")
    asked: list[str] = []

    def offline(repo_id: str, **_: object) -> str:
        asked.append(repo_id)
        raise ConnectionError("no route to the hub")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    store = ModelStore(tmp_path)
    assert store.status(spec).state == "missing"
    with pytest.raises(ModelError, match=r"some-org/some-model.*could not be fetched.*folder instead"):
        store.ensure(spec)


def test_a_hub_model_is_fetched_without_pickles_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "snapshot"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "whisper"}')
    patterns: list[str] = []

    def fetched(repo_id: str, *, allow_patterns: list[str], **_: object) -> str:
        patterns.extend(allow_patterns)
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetched)
    with pytest.raises(ModelError, match="ct2-transformers-converter"):
        ModelStore(tmp_path).ensure(resolve("openai/whisper-small", "whisper"))
    assert "pytorch_model.bin" not in patterns
    assert "*.bin" not in patterns
