"""Log lines are JSON or text, and hold nothing of what was said or who called."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from callcue.infra.logging import configure
from tests.unit.infra.samples import final


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_is_json_with_time_and_level() -> None:
    out = io.StringIO()
    configure("info", json=True, stream=out)
    structlog.get_logger("x").info("call.started", call_id="c1", channels=2)
    (line,) = lines(out)
    assert line.pop("timestamp")
    assert line == {"event": "call.started", "level": "info", "call_id": "c1", "channels": 2}


def test_what_is_below_the_level_is_not_written() -> None:
    out = io.StringIO()
    configure("warning", json=True, stream=out)
    structlog.get_logger("x").info("quiet")
    structlog.get_logger("x").warning("loud")
    assert [line["event"] for line in lines(out)] == ["loud"]


@pytest.mark.parametrize("as_json", [True, False])
def test_no_words_and_no_number_get_through(as_json: bool) -> None:
    out = io.StringIO()
    configure("debug", json=as_json, stream=out)
    log = structlog.get_logger("x")
    said = "我的密码是一二三"
    log.info("a", text=said, raw_text=said, caller="02112345678", token="cc_secret")
    log.info("b", nested={"stable": said, "deeper": [{"query": said}]}, whole=final(text=said))
    log.info("c", reason="called from 13800138000 or +86 138-0013-8000", several=["13800138000"])
    try:
        local = said
        raise ValueError("13800138000 said too much")
    except ValueError:
        log.exception("d", length=len(local))
        logging.getLogger("library").exception("e %s", "13800138000")
    written = out.getvalue()
    assert "ValueError" in written
    assert "withheld" in written
    for secret in ("密码", "02112345678", "13800138000", "138-0013-8000", "cc_secret"):
        assert secret not in written


def test_libraries_speak_the_same_form_from_warning_on() -> None:
    out = io.StringIO()
    configure("debug", json=True, stream=out)
    logging.getLogger("aiosqlite").debug("INSERT INTO events VALUES ('我的密码')")
    logging.getLogger("websockets.server").debug("> TEXT '我的密码'")
    logging.getLogger("uvicorn.access").info("GET /v1/calls?caller=13800138000")
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("library").warning("careful")
    assert [line["event"] for line in lines(out)] == ["started", "careful"]


def test_a_call_id_stays_readable() -> None:
    out = io.StringIO()
    configure("info", json=True, stream=out)
    structlog.get_logger("x").info("a", call_id="call-0k1234567890", duration_ms=13800138000)
    assert lines(out)[0]["call_id"] == "call-0k1234567890"
