"""Names, folders and hub ids go through one door."""

from pathlib import Path

import pytest

from callcue.core.errors import ModelError
from models.embedders import BUILT_IN, BUILT_IN_FILE
from models.registry import REGISTRY, FolderSource, HubSource, PackageSource, resolve


def test_the_defaults_of_the_settings_are_known() -> None:
    assert (
        resolve("whisper-base", "whisper").sha256 == "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"
    )
    source = resolve(BUILT_IN, "embedder").source
    assert isinstance(source, PackageSource)
    assert [file.name for file in source.files] == [BUILT_IN_FILE]


@pytest.mark.parametrize("name", list(REGISTRY))
def test_every_entry_says_where_from_how_large_and_under_which_licence(name: str) -> None:
    spec = REGISTRY[name]
    assert spec.licence != "unknown"
    assert spec.size_bytes is not None
    assert spec.size_bytes > 70_000_000
    assert isinstance(spec.source, PackageSource)
    assert all("==" in package for package in spec.source.packages)
    assert all(len(file.sha256) == 64 for file in spec.source.files)


def test_a_name_of_the_other_kind_is_refused_with_the_right_names() -> None:
    with pytest.raises(ModelError, match=r"kind 'embedder'.*whisper-base"):
        resolve("e5-small", "whisper")


def test_an_existing_folder_is_a_model_of_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "my-model"
    folder.mkdir()
    spec = resolve(str(folder), "whisper")
    assert spec.name == "my-model"
    assert spec.source == FolderSource(path=folder)


def test_hub_ids_with_and_without_a_revision() -> None:
    assert resolve("BAAI/bge-m3", "embedder").source == HubSource(repo_id="BAAI/bge-m3")
    pinned = resolve("Systran/faster-whisper-small@v1.0", "whisper").source
    assert pinned == HubSource(repo_id="Systran/faster-whisper-small", revision="v1.0")


@pytest.mark.parametrize(
    "name", ["", "nope", "../up/there", "/no/such/folder", "a/b/c", "org/..", "org/na me", "org/x@../y"]
)
def test_what_is_none_of_them_names_the_known_ones(name: str) -> None:
    with pytest.raises(ModelError, match=r"whisper-base, whisper-tiny.en"):
        resolve(name, "whisper")
