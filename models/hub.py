"""Downloads from the Hugging Face hub: only when a model is to be made ready, never while a call runs."""

from pathlib import Path

from callcue.core.errors import ModelError
from models.registry import HubSource, ModelKind

_PATTERNS: dict[ModelKind, tuple[str, ...]] = {
    "whisper": ("model.bin", "config.json", "tokenizer.json", "vocabulary.*", "preprocessor_config.json"),
    "embedder": ("*.json", "*.safetensors", "*.txt", "*.model"),
}
"""What is fetched. Weights in pickles are left where they are."""


def local_snapshot(source: HubSource, kind: ModelKind, cache_dir: Path) -> Path | None:
    """The folder of an earlier download, None when there is none. Never uses the network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                source.repo_id,
                revision=source.revision,
                cache_dir=cache_dir / "hub",
                allow_patterns=list(_PATTERNS[kind]),
                local_files_only=True,
            )
        )
    except (LocalEntryNotFoundError, OSError, ValueError):
        return None


def download(source: HubSource, kind: ModelKind, cache_dir: Path) -> Path:
    """Fetch what is missing of a hub model; resumes what was interrupted. Raises ModelError."""
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            source.repo_id,
            revision=source.revision,
            cache_dir=cache_dir / "hub",
            allow_patterns=list(_PATTERNS[kind]),
        )
    except Exception as error:  # a back end's call: the hub client raises its HTTP library's own errors
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        raise ModelError(
            f"The model {source.repo_id!r} could not be fetched from the hub ({reason}). Check the id and the "
            "connection, or download the model elsewhere and give its folder instead"
        ) from error
    return Path(folder)
