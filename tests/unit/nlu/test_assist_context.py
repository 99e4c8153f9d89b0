"""What went before in the call decides with the words."""

from callcue.core.cards import Step
from tests.unit.nlu.calling import Call, make


async def test_what_is_done_or_not_needed_fires_no_trigger_and_no_search() -> None:
    for said in ("上次的发票早就收到了", "我不需要发票", "不用开发票了"):
        call = Call(make("invoice", "发票"), search={"invoice": ("发票", 0.9)})
        assert await call.brings(said) == []
    call = Call(make("invoice", "发票"), make("return", "退货"))
    assert await call.brings("不需要发票怎么退货") == ["return"]
    assert await call.brings("上次的发票没收到", at=10) == ["invoice"]


async def test_the_same_words_count_less_as_an_answer_than_unasked() -> None:
    search = {"tablet": ("平板", 0.35)}
    assert await Call(make("tablet"), search=search, threshold=0.2).brings("是一台平板电脑") == ["tablet"]
    call = Call(make("tablet"), search=search, threshold=0.2)
    await call.says("请您报一下订单号和型号", at=0, channel="agent")
    assert await call.brings("是一台平板电脑", at=2) == []
    assert await call.brings("平板坏了", at=5) == ["tablet"]  # only the first words are the answer


async def test_a_question_is_no_answer() -> None:
    call = Call(make("tablet"), search={"tablet": ("平板", 0.35)}, threshold=0.2)
    await call.says("请问是什么型号？", at=0, channel="agent")
    assert await call.brings("平板怎么充不进电", at=2) == ["tablet"]


async def test_a_short_question_is_looked_up_with_the_need_before_it() -> None:
    call = Call(make("fee"), search={"fee": ("宽带坏了，那多久能好", 0.9)})
    await call.says("家里宽带坏了", at=0)
    assert await call.brings("那多久能好", at=20) == ["fee"]
    late = Call(make("fee"), search={"fee": ("宽带坏了，那多久能好", 0.9)})
    await late.says("家里宽带坏了", at=0)
    assert await late.brings("那多久能好", at=90) == []


async def test_a_confirmed_paraphrase_is_a_need() -> None:
    call = Call(make("track"), search={"track": ("物流", 0.9)})
    await call.says("您是想查物流进度对吗？", at=0, channel="agent")
    assert await call.brings("对，是的", at=2) == ["track"]
    call = Call(make("track"), search={"track": ("物流", 0.9)})
    await call.says("物流显示明天到，可以吗？", at=0, channel="agent")
    assert await call.brings("对，是的", at=2) == []


async def test_a_mood_brings_a_script_and_nothing_else() -> None:
    search = {"calm": ("客户情绪激动", 0.9), "faq": ("客户情绪激动", 0.9)}
    call = Call(make("calm", kind="script"), make("faq"), search=search)
    assert await call.brings("我都打了三次了，你们到底管不管") == ["calm"]
    assert await Call(make("calm", kind="script"), search=search).brings("我想问一下怎么寄") == []


async def test_the_end_of_a_flow_is_looked_up_when_a_step_did_not_help() -> None:
    flow = make(
        "flow",
        "没声音",
        kind="flow",
        steps=(Step(id="s1", text="重启了吗？", next={"是": "s2"}), Step(id="s2", text="预约到店检测。")),
    )
    search = {"store": ("到店检测", 0.9)}
    call = Call(flow, make("store"), search=search, threshold=0.2)
    assert await call.brings("耳机没声音", at=0) == ["flow"]
    assert await call.brings("重启过了，还是不响", at=20) == ["store"]
    assert await Call(flow, make("store"), search=search, threshold=0.2).brings("重启过了，还是不响") == []
