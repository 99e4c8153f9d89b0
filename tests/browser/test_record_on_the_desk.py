"""The record on the desk in a real browser: fields as the schema has them, editing, what is missing, confirming."""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from callcue.core.field_spec import FieldSpec, Value
from callcue.core.record_schema import FieldConfig
from tests.browser.chromium import Page, installed, opened
from tests.unit.api.edge import Edge, push, serve
from tests.unit.api.fakes import started
from tests.unit.api.test_rest import final
from tests.unit.calls.test_records import found
from tests.unit.infra.samples import ended

pytestmark = pytest.mark.skipif(installed() is None, reason="no Chromium is installed")

LIVE = FieldSpec(
    name="x.live_stream",
    label="直播引流标识",
    label_en="Live stream",
    group="custom",
    kind="choice",
    choices=("抖音", "快手"),
    required=True,
)
PANEL = "(document.getElementById('record')?.innerText ?? '')"
HEAD = "(document.getElementById('record-head')?.innerText ?? '')"


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    async with serve(tmp_path, with_tokens=False) as served:
        await served.services.book.schemas.save(FieldConfig(fields=(LIVE,)), by="root")
        yield served


@pytest.fixture
async def page(edge: Edge, tmp_path: Path) -> AsyncIterator[Page]:
    await edge.log.append(started("c1"), final("c1", "caller-1", 900, "我的耳机左边没有声音，昨天买的"), push("c1"))
    await edge.services.records.suggest(
        "c1",
        [found("issue_type", "技术", probability=0.82), found("tags", "耳机故障"), found("tags", "<b>需线下检测</b>")],
        1000,
    )
    async with opened(f"http://127.0.0.1:{edge.port}/", tmp_path / "profile") as shown:
        await shown.until(f"{PANEL}.includes('耳机故障')")
        await shown.run("language === 'zh' || document.getElementById('language').click()")
        yield shown


async def edit(page: Page, name: str, fill: str) -> None:
    """Open the editor of a field by its label, fill it with a script (``input`` is the control) and save."""
    control = "document.querySelector('.editor input, .editor select, .editor textarea')"
    button = f"document.querySelector('[aria-label=\"修改: {name}\"]')"
    await page.run(f"{button}.click()")
    await page.run(f"(() => {{ const input = {control}; {fill} }})()")
    await page.run("document.querySelector('.editor').requestSubmit()")


async def test_the_record_is_shown_edited_and_confirmed(edge: Edge, page: Page) -> None:
    shown = await page.until(f"{PANEL}.includes('13800138000') && {PANEL}")  # the number that called
    assert "问题类型" in shown
    assert "模型 82 %" in shown
    assert "<b>需线下检测</b>" in shown, "text stays text"
    await page.until(f"{HEAD}.includes('结束后确认')")
    await edge.log.append(ended("c1"))
    await page.until(f"{HEAD}.includes('剩余')")
    assert "必填未填: 直播引流标识" in await page.run(HEAD)
    assert await page.run("document.querySelector('.confirm').disabled")
    await edit(page, "直播引流标识", "input.value = '快手';")
    await page.until("!document.querySelector('.confirm').disabled")
    await edit(page, "问题类型", "input.value = '物流';")
    await page.until(f"!document.querySelector('.editor') && {PANEL}.includes('物流')")
    record = await edge.services.records.get("c1")
    assert (record.value("x.live_stream"), record.value("issue_type")) == ("快手", "物流")
    assert record.fields["issue_type"].source == "person"
    if folder := os.environ.get("CALLCUE_SCREENSHOTS"):
        await page.screenshot(Path(folder) / "desk_record.png")
    await page.run("document.querySelector('.confirm').click()")
    await page.until(f"{HEAD}.includes('已按时确认')")
    assert (await edge.services.book.read("c1", "admin")).completion.confirmed_by == "local"


async def test_what_is_typed_survives_what_happens_meanwhile(edge: Edge, page: Page) -> None:
    """A finding that comes in while somebody types neither empties the editor nor stands in the way; another person's
    value is shown before it is overwritten."""
    await page.run("[...document.querySelectorAll('#record .quiet')].at(-1).click()")  # show every field
    await page.run("document.querySelector('[aria-label=\"修改: 后续跟进\"]').click()")
    await page.run("document.querySelector('.editor textarea').value = '明天回电'")
    await edge.services.records.suggest("c1", [found("follow_up", "三天内补寄"), found("sentiment", "负面")], 2000)
    await page.until("calls.get('c1').fields.has('sentiment')")
    assert await page.run("document.querySelector('.editor textarea').value") == "明天回电"
    await page.run("document.querySelector('.editor').requestSubmit()")
    await page.until(f"{PANEL}.includes('明天回电')")
    held = (await edge.services.records.get("c1")).fields["follow_up"]
    assert (held.value, held.source) == ("明天回电", "person")

    await page.run("document.querySelector('[aria-label=\"修改: 后续跟进\"]').click()")
    await page.run("document.querySelector('.editor textarea').value = '后天回电'")
    # Not through the feed, so that the page still names the version before it.
    await page.run("socket.onmessage = null")
    await edge.services.records.edit("c1", {"follow_up": "今晚回电"}, by="sue")
    await page.run("document.querySelector('.editor').requestSubmit()")
    note = await page.until("document.querySelector('.editor .note').textContent")
    assert "sue" in note
    assert "今晚回电" in note
    assert (await edge.services.records.get("c1")).value("follow_up") == "今晚回电"
    await page.run("document.querySelector('.editor').requestSubmit()")
    await page.until(f"{PANEL}.includes('后天回电')")
    assert (await edge.services.records.get("c1")).value("follow_up") == "后天回电"


async def test_several_values_a_time_and_a_refusal(edge: Edge, page: Page) -> None:
    await page.run("[...document.querySelectorAll('#record .quiet')].at(-1).click()")
    await edit(page, "行动渠道（按优先级）", "input.value = '门店\\n短信\\n门店';")
    await page.until("!document.querySelector('.editor')")
    await edit(page, "转交门店时间", "input.value = '2026-11-23T10:30';")
    await page.until("!document.querySelector('.editor')")
    await edit(page, "业务-渠道分类", "input.value = '售后问题/硬件故障';")
    await page.until("!document.querySelector('.editor')")
    record = await edge.services.records.get("c1")
    assert record.value("action_channels") == ("门店", "短信")
    assert str(record.value("handed_off_at")).startswith("2026-11-23T10:30:00")
    assert record.value("category") == ("售后问题", "硬件故障")
    await edit(page, "电话", "input.value = '打给我';")
    note = await page.until("document.querySelector('.editor .note')?.textContent")
    assert "phone number" in note
    assert json.loads(
        await page.run("JSON.stringify([...document.querySelectorAll('.editor input')].map((i) => i.value))")
    ) == ["打给我"]


async def test_what_fills_itself_is_shown_an_entry_a_line(edge: Edge, page: Page) -> None:
    actions = ("坐席→电话回访：主管两小时内给您回电（截至 2026-11-23 12:00）", "客户→邮件：今晚把照片发邮件给你们")
    traces = ("2026-11-21 到店：人民广场店（POS）", "客户称：我上周六去试过样机")
    values: dict[str, Value] = {
        "channel": "抖音咨询转电话",
        "category": "售后问题/硬件故障/门店购买",
        "service_status": "待门店响应",
        "next_actions": actions,
        "action_channels": ("电话回访", "邮件"),
        "coordinator.name": "周店长",
        "offline_trace": traces,
        "online_history": ("2026-11-20 浏览：无线耳机 ×3（小程序）",),
        "persona_tags": ("VIP",),
        "culture_notes": "语言偏好：英语（客户资料）\n数字忌讳：客户说“不要带四的”",
    }
    told = [replace(found(name, value), source="rule", model="fill/1") for name, value in values.items()]
    await edge.services.records.suggest("c1", told, 2000)
    shown = await page.until(f"{PANEL}.includes('人民广场店') && {PANEL}")
    assert "售后问题 / 硬件故障 / 门店购买" in shown
    assert "电话回访 › 邮件" in shown, "the first goes first"
    entries = "[...document.querySelectorAll('#record .entries li')].map((one) => one.textContent)"
    listed = await page.run(f"JSON.stringify({entries})")
    for entry in (*actions, *traces, "数字忌讳：客户说“不要带四的”"):
        assert entry in json.loads(listed)
    if folder := os.environ.get("CALLCUE_SCREENSHOTS"):
        await page.screenshot(Path(folder) / "desk_filled.png")
    await edge.services.records.suggest("c1", [replace(found("next_actions", ()), source="rule")], 3000)
    await page.until(f"!{PANEL}.includes('主管两小时内')")
