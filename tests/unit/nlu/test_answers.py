"""What customers answer to a step of a flow: understood, in doubt only suggested, and never taken from small talk."""

import pytest

from callcue.core.cards import Step
from callcue.core.speech import Language
from nlu.answers import SURE, WORTH_SAYING, AnswerMatch, by_meaning, match_answer, may_mean


def step(text: str, *answers: str) -> Step:
    return Step(id="s1", text=text, next=dict.fromkeys(answers, "end"))


LAMP = step("放回充电盒等 10 秒。没声那只的灯亮吗?", "亮", "不亮")
BOTH = step("重新配对。两边都响了吗?", "响了", "还是一边")
FIXED = step("清理后再听。好了吗?", "好了", "没好")
SEARCH = step("长按到灯快闪。手机能搜到吗?", "能", "不能")
CHARGE = step("换一根线。能充吗?", "能", "不能")
TRIED = step("两只放回盒中重新配对过吗？", "是", "否")
BLOCKED = step("出音孔有无堵塞？", "是", "否")
LED = step("光猫的 LOS 灯是红的吗?", "红", "正常")
STABLE = step("升级固件。稳定了吗?", "稳定", "还断")
STATE = step("系统里退款状态是什么?", "未发起", "处理中", "已成功")
LIGHTS = step("灯亮吗?", "不亮", "亮但没声", "有声但破音")
DAYS = step("发起几天了?", "3 个工作日内", "超过 3 个工作日")
WHO = step("其他手机电脑能上吗?", "都不能", "只有一台不能")
SAFE = step("鼓包、焦味、烫手吗?", "有", "没有")
LAMP_IN_BOX = step("耳机放入盒内，指示灯亮吗？", "是", "否")
SOLVED = step("取下保护壳。问题解决了吗？", "是", "否")
WORKING = step("Restart it. Is it working now?", "yes", "no")
SEEN = step("Can you see the network on your phone?", "yes", "no")
FLASHING = step("Is it flashing?", "flashing", "steady")
SOUND = step("What do you hear?", "squeak", "grinding", "shaking")
ANY = step("Any shaking, smell, heat or loss of power?", "yes", "no")
START = step("Jump start it. Did it start?", "started", "no")
KEY = step("What happens at the key?", "clicks or nothing", "cranks, no start")
MORNING = step("Only in the first stops of a damp morning?", "yes", "all the time")


def heard(question: Step, said: str, asked: str | None = "") -> AnswerMatch | None:
    language: Language = "en" if question.text.isascii() else "zh"
    return match_answer(said, language, question, asked=question.text if asked == "" else asked)


@pytest.mark.parametrize(
    ("question", "said", "answer"),
    [
        (LAMP, "亮了", "亮"),
        (LAMP, "灯是亮的", "亮"),
        (LAMP, "不亮", "不亮"),
        (LAMP, "没亮啊，一点都不亮", "不亮"),
        (LAMP, "怎么按都不亮", "不亮"),
        (LAMP, "对，亮的", "亮"),
        (LAMP, "对", "亮"),
        (LAMP, "刚才亮了现在又不亮了", "不亮"),
        (LAMP, "我看一下啊，嗯，不亮", "不亮"),
        (BOTH, "还是不行", "还是一边"),
        (BOTH, "试过了还是不行", "还是一边"),
        (BOTH, "响了响了", "响了"),
        (BOTH, "可以了", "响了"),
        (FIXED, "好了", "好了"),
        (FIXED, "还是没好", "没好"),
        (SEARCH, "能搜到", "能"),
        (SEARCH, "还是搜不到", "不能"),
        (SEARCH, "没搜到", "不能"),
        (CHARGE, "还是充不进去", "不能"),
        (CHARGE, "换了，没用", "不能"),
        (TRIED, "放回去试过好几次了，还是只有右边响。", "是"),
        (LED, "是红的", "红"),
        (LED, "不红", "正常"),
        (LED, "正常", "正常"),
        (STABLE, "还是断", "还断"),
        (STABLE, "现在稳定了", "稳定"),
        (STATE, "写的是处理中", "处理中"),
        (STATE, "显示已经成功了", "已成功"),
        (LIGHTS, "灯亮着但没声", "亮但没声"),
        (DAYS, "已经8天了", "超过 3 个工作日"),
        (DAYS, "半个月了", "超过 3 个工作日"),
        (DAYS, "昨天刚弄的", "3 个工作日内"),
        (WHO, "都上不了", "都不能"),
        (LAMP_IN_BOX, "没亮", "否"),
        (LAMP_IN_BOX, "放进去了，灯不亮", "否"),
        (SOLVED, "没有啊还是那么烫", "否"),
        (SOLVED, "解决了谢谢", "是"),
        (WORKING, "it's working now", "yes"),
        (WORKING, "still not working", "no"),
        (SEEN, "I can't see it", "no"),
        (FLASHING, "it's flashing", "flashing"),
        (FLASHING, "it's not flashing", "steady"),
        (FLASHING, "no", "steady"),
        (SOUND, "more of a grinding sound", "grinding"),
        (SOUND, "it squeaks", "squeak"),
        (ANY, "it shakes a bit", "yes"),
        (START, "it didn't start", "no"),
        (START, "still nothing", "no"),
        (KEY, "it cranks but no start", "cranks, no start"),
        (KEY, "it just clicks", "clicks or nothing"),
        (MORNING, "no all the time", "all the time"),
    ],
)
def test_a_clear_answer_is_understood(question: Step, said: str, answer: str) -> None:
    match = heard(question, said)
    assert match is not None
    assert match.answer == answer
    assert match.confidence >= SURE
    assert said[match.start : match.end].strip()


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (LAMP, "嗯"),
        (LAMP, "好的"),
        (LAMP, "好的我看一下"),
        (LAMP, "你说的灯在哪里"),
        (LAMP, "亮不亮怎么看"),
        (LAMP, "要是不亮怎么办"),
        (LAMP, "我把亮度调高了"),
        (LAMP, "等一下啊"),
        (LAMP, "你们几点下班"),
        (LAMP, "我还没试呢"),
        (LAMP, "不知道啊"),
        (FIXED, "好的"),
        (FIXED, "好好好"),
        (SEARCH, "你们能不能快一点"),
        (SEARCH, "可能是吧"),
        (STATE, "对"),
        (SOUND, "yes"),
        (FLASHING, "okay"),
        (FLASHING, "is that bad?"),
        (FLASHING, "let me check"),
        (FLASHING, "what if it's flashing"),
        (START, "hold on"),
    ],
)
def test_small_talk_questions_and_delays_are_no_answer(question: Step, said: str) -> None:
    assert heard(question, said) is None


@pytest.mark.parametrize(
    ("question", "said", "answer"),
    [
        (SAFE, "没有", "没有"),  # three things were asked
        (SAFE, "没有鼓包", "没有"),
        (WHO, "只有我的手机上不了", "只有一台不能"),
        (BOTH, "还是只有右边响", "还是一边"),
        (LIGHTS, "灯是亮的", "亮但没声"),
        (LAMP, "亮是亮，就是有点红", "亮"),
    ],
)
def test_what_is_in_doubt_is_only_suggested(question: Step, said: str, answer: str) -> None:
    match = heard(question, said)
    assert match is not None
    assert match.answer == answer
    assert WORTH_SAYING <= match.confidence < SURE


def test_a_bare_yes_counts_only_for_the_question_that_was_asked() -> None:
    same = heard(LAMP, "对", asked="您看一下那只的灯亮吗")
    assert same is not None
    assert same.confidence >= SURE
    assert heard(LAMP, "对", asked="您是张先生对吧") is None
    unknown = heard(LAMP, "对", asked=None)
    assert unknown is not None
    assert unknown.confidence < SURE


def test_a_no_to_the_question_in_the_agents_words() -> None:
    match = heard(BLOCKED, "我擦得干干净净的，没有东西。", asked="那麻烦看一下左边的出音孔，有没有堵住。")
    assert match is not None
    assert (match.answer, match.confidence >= SURE) == ("否", True)


def test_a_word_that_only_sounds_right_is_found_by_its_sound() -> None:
    match = heard(STATE, "好像是储里中")
    assert match is not None
    assert (match.answer, match.clue) == ("处理中", "sound")


def test_two_things_said_against_each_other_are_in_doubt() -> None:
    match = heard(STATE, "处理中，未发起")
    assert match is not None
    assert match.confidence < SURE


def test_meaning_alone_never_suffices_and_needs_a_clear_lead() -> None:
    close = by_meaning("灯没反应", LAMP, [0.90, 0.92])
    assert close is None
    clear = by_meaning("黑黑的没光", LAMP, [0.86, 0.93])
    assert clear is not None
    assert (clear.answer, clear.clue) == ("不亮", "meaning")
    assert WORTH_SAYING <= clear.confidence < SURE
    assert not may_mean("嗯嗯好的", "zh")
    assert not may_mean("你们几点下班", "zh")
    assert may_mean("那边黑黑的没有光", "zh")


def test_a_step_without_answers_has_none() -> None:
    assert match_answer("好了", "zh", Step(id="s6", text="约门店检测。"), asked="") is None


@pytest.mark.parametrize("filler", ["嗯", "好的", "哦", "对对", "现在就", "hmm ", "um ", "okay "])
def test_a_long_run_of_fillers_is_read_in_the_time_of_a_short_one(filler: str) -> None:
    for question in (LAMP, FLASHING):
        assert heard(question, filler * 300 + "z") is None or filler == "对对"
