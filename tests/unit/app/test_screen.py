"""What the command line shows of a call's voices."""

import io
from dataclasses import replace

from rich.console import Console

from callcue.app.replay import print_summary
from callcue.app.screen import Screen
from callcue.core.events import AnyEvent
from callcue.infra.codec import encode
from tests.unit.infra.samples import ended, final, voices


def shown(*events: AnyEvent) -> str:
    screen = Screen("c1")
    for event in events:
        screen.take(encode(event))
    out = io.StringIO()
    print_summary(screen, Console(file=out, width=120))
    return out.getvalue()


def test_both_sides_and_what_belongs_to_the_call() -> None:
    text = shown(final(), voices(), ended())
    for part in ("0:01  13%", "4.3 字 chars/s", "-24 dBFS", "182 Hz (150–230)", "longest 0:05 @ 0:01", "overlap"):
        assert part in text, part


def test_one_side_has_no_overlap() -> None:
    alone = replace(voices(), channels=(replace(voices().channels[0], interruptions=None),), overlap_ms=None)
    text = shown(alone, ended())
    assert "overlap" not in text
    assert "坐席" not in text


def test_a_call_without_a_summary_shows_none() -> None:
    assert "voices" not in shown(final(), ended())
