"""A loop in the background goes on whatever its steps do, begins at once, and stops when it is told."""

import asyncio

from callcue.core.errors import StorageFailed
from callcue.learning.rounds import Rounds
from callcue.testing import ManualClock


async def test_every_step_has_its_turn_whatever_the_one_before_it_did() -> None:
    clock, done = ManualClock(), list[str]()

    async def away() -> None:
        done.append("away")
        raise StorageFailed("the database is away")

    async def faulty() -> None:
        done.append("faulty")
        raise KeyError("13800138000")

    async def fine() -> None:
        done.append("fine")

    rounds = Rounds("test", [away, faulty, fine], every_s=60.0, clock=clock)
    await rounds.start()
    await rounds.start()
    await clock.settle()
    assert done == ["away", "faulty", "fine"]
    await clock.advance(59.0)
    assert len(done) == 3
    await clock.advance(1.0)
    assert len(done) == 6
    await rounds.close()
    await clock.advance(600.0)
    assert len(done) == 6


async def test_it_stops_in_the_middle_of_a_step_and_can_begin_again() -> None:
    clock, begun, forever = ManualClock(), list[int](), asyncio.Event()

    async def wait() -> None:
        begun.append(1)
        await forever.wait()

    rounds = Rounds("test", [wait], every_s=1.0, clock=clock)
    await rounds.start()
    await clock.settle()
    await rounds.close()
    await rounds.close()
    assert begun == [1]
    await rounds.start()
    await clock.settle()
    assert begun == [1, 1]
    await rounds.close()
