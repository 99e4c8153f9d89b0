"""A model folder, the one before it, and the way back.

The model in force lies in the folder itself, the one that it replaced in ``previous`` within it. Both change places
as a whole: a reader sees one model or the other, never parts of two.
"""

import shutil
import tempfile
from pathlib import Path

from callcue.core.errors import NotFound

PREVIOUS = "previous"
"""Sub-folder that holds the model replaced last."""


def new_folder(folder: Path) -> Path:
    """An empty folder beside ``folder`` to write a model into, for ``put_in_place``."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    fresh.chmod(0o755)
    return fresh


def put_in_place(fresh: Path, folder: Path) -> bool:
    """Make ``fresh`` the model in ``folder``; what was there moves to ``previous``. Returns whether there was one."""
    if not folder.exists():
        fresh.replace(folder)
        return False
    old = fresh.with_name(fresh.name + ".old")
    folder.rename(old)
    if (old / PREVIOUS).exists():
        shutil.rmtree(old / PREVIOUS)
    fresh.replace(folder)
    old.rename(folder / PREVIOUS)
    return True


def roll_back(folder: Path) -> None:
    """Put the model of before in force again; the present one becomes ``previous``, so that a second time undoes it.

    Raises NotFound when there is none.
    """
    if not (folder / PREVIOUS).is_dir():
        raise NotFound(f"{folder} holds no earlier model ({PREVIOUS}/ is missing); nothing was changed")
    fresh = new_folder(folder)
    fresh.rmdir()
    (folder / PREVIOUS).rename(fresh)
    put_in_place(fresh, folder)
