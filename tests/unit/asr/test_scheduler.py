"""Finals first and never dropped; partials newest-wins, thinned out under load; batches across calls."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from asr.scheduler import DecodeScheduler, SchedulerConfig
from callcue.core.errors import EngineFailed
from callcue.core.speech import Language, Window
from tests.unit.asr.fakes import GatedEngine, StillClock, settle


def window(ms: int = 1000, *, final: bool = True, language: Language = "zh") -> Window:
    return Window(pcm=bytes(ms * 32), language=language, final=final)


def scheduler(engine: GatedEngine, **config: Any) -> DecodeScheduler:
    return DecodeScheduler(engine, StillClock(), SchedulerConfig(**config))


def lengths(engine: GatedEngine) -> list[list[int]]:
    return [[w.duration_ms for w in batch] for batch in engine.batches]


async def test_finals_go_before_partials_that_came_earlier() -> None:
    engine = GatedEngine()
    sched = scheduler(engine)
    running = asyncio.create_task(sched.final(window(100), "a"))
    await settle()
    partial = asyncio.create_task(sched.partial(window(200, final=False), "b"))
    await settle()
    late = asyncio.create_task(sched.final(window(300), "c"))
    await settle()
    await engine.release()
    assert lengths(engine) == [[100], [300]]
    await engine.release()
    await engine.release()
    assert lengths(engine) == [[100], [300], [200]]
    assert [(await task).text for task in (running, late)] == ["100ms", "300ms"]
    assert (await partial) is not None


async def test_windows_of_different_calls_make_one_batch_in_order() -> None:
    engine = GatedEngine(max_batch=3)
    sched = scheduler(engine)
    tasks = [asyncio.create_task(sched.final(window(100 * n), f"k{n}")) for n in range(1, 6)]
    await settle()
    assert lengths(engine) == [[100, 200, 300]]
    await engine.release()
    assert lengths(engine)[1] == [400, 500]
    await engine.release()
    assert [(await task).text for task in tasks] == ["100ms", "200ms", "300ms", "400ms", "500ms"]


async def test_languages_are_not_mixed() -> None:
    engine = GatedEngine()
    sched = scheduler(engine)
    languages: list[Language] = ["zh", "en", "zh", "en"]
    tasks = [
        asyncio.create_task(sched.final(window(100 * n, language=la), str(n))) for n, la in enumerate(languages, 1)
    ]
    await settle()
    await engine.release()
    await engine.release()
    assert lengths(engine) == [[100, 300], [200, 400]]
    await asyncio.gather(*tasks)


async def test_finals_are_spread_over_free_workers() -> None:
    engine = GatedEngine(parallelism=2)
    sched = scheduler(engine)
    tasks = [asyncio.create_task(sched.final(window(100), str(n))) for n in range(2)]
    await settle()
    assert lengths(engine) == [[100], [100]]
    await engine.release(2)
    await asyncio.gather(*tasks)


async def test_partials_use_every_worker_in_short_batches_and_a_final_takes_the_first_that_is_free() -> None:
    engine = GatedEngine(parallelism=2)
    sched = scheduler(engine, partial_batch_s=9.0)
    partials = [asyncio.create_task(sched.partial(window(1000, final=False), str(n))) for n in range(6)]
    await settle()
    assert [len(batch) for batch in engine.batches] == [2, 2]  # 2 x (1 s + padding), not max_batch
    final = asyncio.create_task(sched.final(window(900), "f"))
    await settle()
    await engine.release()
    assert lengths(engine)[2:] == [[900]]
    for _ in range(4):
        await engine.release()
    await asyncio.gather(final, *partials)


async def test_partials_of_another_language_take_no_room_in_a_batch() -> None:
    engine = GatedEngine()
    sched = scheduler(engine, partial_batch_s=9.0)
    blocker = asyncio.create_task(sched.final(window(50), "x"))
    await settle()
    languages: list[Language] = ["zh", "en", "en", "zh"]
    partials = [
        asyncio.create_task(sched.partial(window(1000, final=False, language=la), str(n)))
        for n, la in enumerate(languages)
    ]
    await settle()
    for _ in range(3):
        await engine.release()
    assert [[w.language for w in batch] for batch in engine.batches[1:]] == [["zh", "zh"], ["en", "en"]]
    await asyncio.gather(blocker, *partials)


async def test_what_nothing_is_shown_of_goes_before_what_is_only_renewed() -> None:
    engine = GatedEngine(max_batch=1)
    sched = scheduler(engine)
    blocker = asyncio.create_task(sched.final(window(50), "x"))
    await settle()
    renewed = asyncio.create_task(sched.partial(window(2000, final=False), "a"))
    await settle()
    first = asyncio.create_task(sched.partial(window(900, final=False), "b", urgent=True))
    await settle()
    for _ in range(3):
        await engine.release()
    assert lengths(engine) == [[50], [900], [2000]]
    await asyncio.gather(blocker, renewed, first)


async def test_the_newest_partial_of_a_key_wins() -> None:
    engine = GatedEngine()
    sched = scheduler(engine)
    blocker = asyncio.create_task(sched.final(window(50), "x"))
    await settle()
    old = asyncio.create_task(sched.partial(window(100, final=False), "a"))
    await settle()
    new = asyncio.create_task(sched.partial(window(200, final=False), "a"))
    await settle()
    assert await old is None
    await engine.release()
    await engine.release()
    result = await new
    assert result is not None
    assert result.text == "200ms"
    assert sched.stats().partials_superseded == 1
    await blocker


async def test_a_newer_partial_takes_the_place_of_the_older_one() -> None:
    """A channel that asks often is not served last for it."""
    engine = GatedEngine(max_batch=1)
    sched = scheduler(engine)
    blocker = asyncio.create_task(sched.final(window(50), "x"))
    await settle()
    partials = []
    for key, ms in (("often", 100), ("seldom", 200), ("often", 300)):
        partials.append(asyncio.create_task(sched.partial(window(ms, final=False), key)))
        await settle()
    for _ in range(3):
        await engine.release()
    assert lengths(engine) == [[50], [300], [200]]
    await asyncio.gather(blocker, *partials)


@pytest.mark.parametrize(
    ("urgent", "kept"),
    [
        ([True, False, False], [100, 300]),  # the oldest that only renews gives way
        ([True, True, False], [100, 200]),  # also when it is the newest
        ([True, True, True], [200, 300]),
        ([False, False, False], [200, 300]),
    ],
)
async def test_when_the_queue_is_full_what_nothing_is_shown_of_stays(urgent: list[bool], kept: list[int]) -> None:
    engine = GatedEngine(max_batch=1)
    sched = scheduler(engine, max_pending_partials=2)
    blocker = asyncio.create_task(sched.final(window(50), "x"))
    await settle()
    partials = []
    for nth, first in enumerate(urgent, 1):
        wanted = sched.partial(window(100 * nth, final=False), str(nth), urgent=first)
        partials.append(asyncio.create_task(wanted))
        await settle()
    assert sched.stats().partials_dropped == 1
    for _ in range(3):
        await engine.release()
    assert sorted(lengths(engine)[1:]) == [[ms] for ms in kept]
    assert [None if found is None else found.text for found in await asyncio.gather(*partials)].count(None) == 1
    await blocker


async def test_a_partial_that_nobody_waits_for_any_more_takes_no_room() -> None:
    engine = GatedEngine(max_batch=1)
    sched = scheduler(engine, max_pending_partials=2)
    blocker = asyncio.create_task(sched.final(window(50), "x"))
    await settle()
    partials = []
    for key in ("a", "b", "c"):
        partials.append(asyncio.create_task(sched.partial(window(100, final=False), key)))
        await settle()
        if key == "b":
            partials[1].cancel()
            await settle()
    for _ in range(3):
        await engine.release()
    assert await partials[0] is not None
    assert await partials[2] is not None
    assert sched.stats().partials_dropped == 0
    await blocker


async def test_a_final_makes_the_partial_of_its_key_pointless() -> None:
    engine = GatedEngine()
    sched = scheduler(engine)
    blocker = asyncio.create_task(sched.final(window(50), "x"))
    await settle()
    partial = asyncio.create_task(sched.partial(window(100, final=False), "a"))
    await settle()
    final = asyncio.create_task(sched.final(window(200), "a"))
    await settle()
    assert await partial is None
    await engine.release()
    await engine.release()
    await asyncio.gather(blocker, final)


async def test_overload_drops_partials_and_keeps_every_final() -> None:
    engine = GatedEngine(max_batch=4)
    clock = StillClock()
    sched = DecodeScheduler(engine, clock, SchedulerConfig(max_wait_s=8.0, max_pending_partials=2))
    finals = [asyncio.create_task(sched.final(window(1000), f"f{n}")) for n in range(7)]
    await settle()
    assert sched.lag_s == 7.0
    assert (sched.wait_s, sched.partial_stretch) == (0.0, 1.0)
    clock.seconds += 1.5
    assert sched.partial_stretch == pytest.approx(2.5)  # 1.5 s of 0.6
    clock.seconds += 5.5
    assert (sched.wait_s, sched.partial_stretch) == (7.0, 4.0)
    partials = [asyncio.create_task(sched.partial(window(500, final=False), f"p{n}")) for n in range(3)]
    await settle()
    assert sched.stats().partials_dropped == 1  # the third did not fit
    finals += [asyncio.create_task(sched.final(window(1000), f"g{n}")) for n in range(50)]
    await settle()
    clock.seconds += 1.0
    assert await sched.partial(window(500, final=False), "q") is None
    assert sched.stats().partials_dropped == 2
    while not all(task.done() for task in (*finals, *partials)):
        await engine.release()
    assert [hypothesis.text for hypothesis in await asyncio.gather(*finals)] == ["1000ms"] * 57
    stats = sched.stats()
    assert (stats.finals, stats.finals_failed, stats.pending_finals, stats.lag_s) == (57, 0, 0, 0.0)


async def test_the_queue_of_finals_is_bounded_by_waiting() -> None:
    engine = GatedEngine(max_batch=1)
    sched = scheduler(engine, max_pending_finals=2)
    finals = [asyncio.create_task(sched.final(window(100), str(n))) for n in range(6)]
    await settle()
    assert sched.stats().pending_finals <= 3
    while not all(task.done() for task in finals):
        await engine.release()
    assert sched.stats().finals == 6


async def test_one_bad_window_does_not_take_the_others_down() -> None:
    engine = GatedEngine()
    engine.open = True
    engine.failing = lambda windows: any(w.duration_ms == 666 for w in windows)
    sched = scheduler(engine)
    tasks = [asyncio.create_task(sched.final(window(ms), str(ms))) for ms in (100, 666, 300)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[1], EngineFailed)
    assert [getattr(r, "text", None) for r in results] == ["100ms", None, "300ms"]
    assert sched.stats().finals_failed == 1
    assert await sched.partial(window(666, final=False), "p") is None


@pytest.mark.parametrize("error", [OSError("no process: 我的耳机"), MemoryError(), RuntimeError("我的耳机")])
async def test_whatever_the_engine_raises_nobody_waits_for_ever(error: Exception) -> None:
    engine = GatedEngine()
    engine.open = True
    engine.failing = lambda windows: any(w.duration_ms == 666 for w in windows)
    engine.error = error
    sched = scheduler(engine)
    finals = [asyncio.create_task(sched.final(window(ms), str(ms))) for ms in (100, 666, 300)]
    partial = asyncio.create_task(sched.partial(window(666, final=False), "p"))
    await settle()
    assert all(task.done() for task in (*finals, partial))
    with pytest.raises(EngineFailed, match=type(error).__name__) as caught:
        await finals[1]
    assert "耳机" not in caught.value.message
    assert [(await finals[0]).text, (await finals[2]).text] == ["100ms", "300ms"]
    assert await partial is None
    stats = sched.stats()
    assert (stats.finals, stats.finals_failed, stats.partials_failed, stats.lag_s) == (2, 1, 1, 0.0)


async def test_a_waiter_that_gives_up_leaves_the_queue() -> None:
    engine = GatedEngine(max_batch=1)
    sched = scheduler(engine)
    blocker = asyncio.create_task(sched.final(window(50), "x"))
    await settle()
    tired = asyncio.create_task(sched.final(window(100), "a"))
    await settle()
    tired.cancel()
    await settle()
    await engine.release()
    await blocker
    assert lengths(engine) == [[50]]
    assert sched.lag_s == 0.0


async def test_closing_says_so_to_who_waits() -> None:
    engine = GatedEngine(max_batch=1)
    sched = scheduler(engine)
    running = asyncio.create_task(sched.final(window(50), "x"))
    await settle()
    waiting = asyncio.create_task(sched.final(window(60), "y"))
    partial = asyncio.create_task(sched.partial(window(60, final=False), "z"))
    await settle()
    closing = asyncio.create_task(sched.close())
    await settle()
    await engine.release()
    await closing
    assert (await running).text == "50ms"
    with pytest.raises(EngineFailed, match="shutting down"):
        await waiting
    assert await partial is None
    assert engine.closed
    with pytest.raises(EngineFailed):
        await sched.final(window(10), "x")


async def test_finals_are_decoded_with_patience_while_the_engine_has_time() -> None:
    engine, clock = GatedEngine(max_batch=1), StillClock()
    sched = DecodeScheduler(engine, clock, SchedulerConfig(patient_below=0.5))

    async def decode(seconds: float, *, final: bool = True) -> bool:
        task = asyncio.create_task(
            sched.final(window(), "a") if final else sched.partial(window(final=False), "a"), name="decode"
        )
        await settle()
        clock.seconds += seconds
        await engine.release()
        await task
        return engine.batches[-1][0].patient

    assert await decode(4.0)
    assert not await decode(4.0, final=False)
    assert not await decode(0.1)  # busy for most of the last ten seconds
    clock.seconds += 30.0
    assert await decode(0.1)


async def test_a_burst_is_no_time_for_patience() -> None:
    engine = GatedEngine(max_batch=1)
    sched = scheduler(engine)
    tasks = [asyncio.create_task(sched.final(window(), name)) for name in ("a", "b", "c")]
    await settle()
    for _ in tasks:
        await engine.release()
    await asyncio.gather(*tasks)
    assert [batch[0].patient for batch in engine.batches] == [False, False, True]


async def test_a_recording_is_always_decoded_with_patience() -> None:
    engine = GatedEngine(max_batch=2)
    sched = DecodeScheduler(engine, StillClock(), SchedulerConfig(patient_below=0.0))
    patient = replace(window(), patient=True)
    tasks = [asyncio.create_task(sched.final(one, name)) for one, name in ((patient, "a"), (window(), "b"))]
    await settle()
    await engine.release()
    await asyncio.gather(*tasks)
    assert [one.patient for one in engine.batches[0]] == [True, False]
