"""One running service per database file: a second one would take the first one's live calls for crashed ones.

A database server has no file here: see to it yourself that one service alone uses one PostgreSQL database.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from callcue.core.errors import Conflict, StorageFailed


class InstanceLock:
    """An advisory lock on a file; the system releases it when the process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def __enter__(self) -> "InstanceLock":
        """Take the lock, or raise Conflict that names the process that holds it."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageFailed(
                f"the lock file {self._path} cannot be written ({error.strerror}); nothing was started. Is the folder "
                "ours to write to?"
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise Conflict(
                f"another CallCue (process {holder}) serves the data in {self._path.parent}; nothing was started. "
                "Talk to it with --server, or give this one another CALLCUE_DATA_DIR"
            ) from None
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        self._fd = fd
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
