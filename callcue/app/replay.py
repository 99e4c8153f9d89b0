"""Replay a recording through the real sockets and show what the agent would have seen."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from rich.console import Console
from rich.live import Live

from callcue.app.client import Recording, Sent, follow, load, stream_call
from callcue.app.screen import Line, Screen, card_text, line_text, record_table, voice_table
from callcue.calls.visibility import WITHHELD
from callcue.core.ids import new_id

REFRESH_S = 0.2
AFTERGLOW_S = 60.0
"""How long after the end of the audio socket the desktop may take to deliver CallEnded."""


@dataclass(slots=True)
class Replayed:
    """What came out of one replay."""

    call_id: str
    events: list[dict[str, Any]] = field(default_factory=list)
    screen: Screen = field(default_factory=lambda: Screen(""))


Show = Callable[[Screen, dict[str, Any]], None]


async def replay(server: str, recording: Recording, *, token: str | None, console: Console, as_json: bool) -> Replayed:
    """Stream ``recording`` to ``server`` while a desktop follows; returns when the call has ended on both sockets."""
    audio = await load(recording.path)
    recording = replace(recording, call_id=recording.call_id or new_id("call"))
    assert recording.call_id is not None  # noqa: S101 - narrows the type
    screen = Screen(recording.path.name, desk=f"http://{server}/", duration_ms=audio.duration_ms)
    result = Replayed(recording.call_id, screen=screen)
    sent = Sent()
    if not as_json and not console.is_terminal:
        console.print(f"浏览器坐席台 desk in a browser: {screen.desk}")
    query = urlencode({"agent_id": recording.agent_id})
    show = _show(console, as_json)
    following = asyncio.create_task(follow(server, query, _collector(result, show), token=token))
    async with _drawing(result.screen, sent, console, enabled=console.is_terminal and not as_json):
        try:
            streaming = asyncio.create_task(stream_call(server, recording, token=token, sent=sent))
            done, _ = await asyncio.wait({streaming, following}, return_when=asyncio.FIRST_COMPLETED)
            if following in done and following.exception() is not None:
                streaming.cancel()
                await following
            await streaming
            await asyncio.wait_for(following, AFTERGLOW_S)
        finally:
            following.cancel()
    return result


def _collector(result: Replayed, show: Show) -> Callable[[dict[str, Any]], bool]:
    def on_event(event: dict[str, Any]) -> bool:
        if event.get("call_id") != result.call_id or "type" not in event:
            return True
        result.events.append(event)
        result.screen.take(event)
        show(result.screen, event)
        return bool(event["type"] != "CallEnded")

    return on_event


def _show(console: Console, as_json: bool) -> Show:
    if as_json:
        return lambda _screen, event: print(json.dumps(event, ensure_ascii=False), file=sys.stdout, flush=True)  # noqa: T201
    if console.is_terminal:
        return lambda _screen, _event: None
    return lambda _screen, event: _print_plain(console, event)


def _print_plain(console: Console, event: dict[str, Any]) -> None:
    """Without a terminal: what is final, line by line."""
    if event["type"] == "FinalTranscript" and event["text"]:
        console.print(line_text(Line(event["channel"], event["start_ms"], event["text"], final=True)))
    elif event["type"] == "CardPush":
        console.print(card_text(event))
    elif event["type"] == "Alert" and event["kind"] != WITHHELD:
        console.print(f"     提醒 alert: {event['severity']} {event['kind']}: {event['reason']}", markup=False)
    elif event["type"] == "RecordUpdated":
        for change in event["changes"]:
            console.print(f"     记录 record: {change['field']} = {(change['new'] or {}).get('value')}")


@contextlib.asynccontextmanager
async def _drawing(screen: Screen, sent: Sent, console: Console, *, enabled: bool) -> AsyncIterator[None]:
    if not enabled:
        yield
        return
    with Live(screen, console=console, auto_refresh=False, screen=True) as live:

        async def refresh() -> None:
            while True:
                screen.position_ms = max(screen.position_ms, sent.position_ms)
                live.update(screen, refresh=True)
                await asyncio.sleep(REFRESH_S)

        drawing = asyncio.create_task(refresh())
        try:
            yield
        finally:
            drawing.cancel()
    print_summary(screen, console)


def print_summary(screen: Screen, console: Console) -> None:
    """The whole call, once it is over."""
    for line in sorted(screen.lines.values(), key=lambda line: line.start_ms):
        console.print(line_text(line))
    console.rule("知识卡片 cards")
    for push in reversed(screen.cards):
        console.print(card_text(push), end="")
    console.rule("通话记录 call record")
    console.print(record_table(screen.record))
    if screen.voice is not None:
        console.rule("声音 voices")
        console.print(voice_table(screen.voice))
