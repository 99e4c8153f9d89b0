"""Real processes: two that join one model at once, and one that is killed in the middle."""

import multiprocessing
import signal
from multiprocessing.synchronize import Event
from pathlib import Path

from models.registry import ModelSpec
from models.store import ModelStore
from tests.unit.models.conftest import PART_1, PART_2

_CONTEXT = multiprocessing.get_context("fork")


def _join(cache: Path, spec: ModelSpec, started: Event, go_on: Event) -> None:
    """Join, but stop after the first bytes until told to go on."""

    def progress(done: int, total: int) -> None:
        started.set()
        go_on.wait(60)

    ModelStore(cache).ensure(spec, progress)


def test_two_at_once_make_one_whole_model(tmp_path: Path, joined_spec: ModelSpec) -> None:
    cache = tmp_path / "cache"
    started, second_started, go_on = _CONTEXT.Event(), _CONTEXT.Event(), _CONTEXT.Event()
    first = _CONTEXT.Process(target=_join, args=(cache, joined_spec, started, go_on))
    second = _CONTEXT.Process(target=_join, args=(cache, joined_spec, second_started, go_on))
    first.start()
    assert started.wait(60)
    second.start()
    assert not (cache / "tiny").exists(), "a half-written model is visible"
    go_on.set()
    first.join(60)
    second.join(60)
    assert (first.exitcode, second.exitcode) == (0, 0)
    assert not second_started.is_set(), "the second wrote although the first had the lock"
    assert (cache / "tiny/model.bin").read_bytes() == PART_1 + PART_2
    assert {path.name for path in cache.iterdir()} == {"tiny", ".tiny.lock"}


def test_a_killed_process_leaves_nothing_that_looks_ready(tmp_path: Path, joined_spec: ModelSpec) -> None:
    cache = tmp_path / "cache"
    started, go_on = _CONTEXT.Event(), _CONTEXT.Event()
    process = _CONTEXT.Process(target=_join, args=(cache, joined_spec, started, go_on))
    process.start()
    assert started.wait(60)
    process.kill()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    store = ModelStore(cache)
    assert store.status(joined_spec).state == "missing"
    assert list(cache.glob(".tiny.partial-*")), "it was killed before it wrote anything; the test shows nothing"
    folder = store.ensure(joined_spec)
    assert (folder / "model.bin").read_bytes() == PART_1 + PART_2
    assert {path.name for path in cache.iterdir()} == {"tiny", ".tiny.lock"}
