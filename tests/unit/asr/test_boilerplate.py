"""Phrases of videos that Whisper writes where it hears nothing, beside what callers say with the same words."""

import pytest

from asr.guards import is_boilerplate, judge

SURE, UNSURE = -0.1, -0.7
HEARD, UNHEARD = 0.1, 0.7

NEVER = [
    "字幕由Amara.org社区提供", "由 Amara.org 社群提供的字幕", "中文字幕志愿者 杨栋梁", "字幕by 索兰娅",
    "中文字幕 李宗盛", "請不吝點贊 訂閱 轉發 打賞支持明鏡與點點欄目", "明镜需要您的支持 欢迎订阅明镜",
    "由人人字幕组制作", "本字幕由天府字幕組提供", "YoYo Television Series Exclusive",
    "MING PAO CANADA MING PAO TORONTO", "ご視聴ありがとうございました", "Subtitles by the Amara.org community",
    "Subtitled by John", "Transcribed by https://otter.ai", "www.mooji.org", "Transcription by CastingWords",
    "© BF-WATCH TV 2021", "Sync and corrections by n17t01", "MBC 뉴스 이덕영입니다",
    "Sous-titrage Société Radio-Canada", "Untertitel der Amara.org-Community",
]  # fmt: skip
HARDLY = [
    "谢谢观看", "謝謝大家收看", "感谢您的收听", "我们下期再见", "谢谢大家的观看，我们下期再见",
    "谢谢观看，请订阅我的频道", "点赞 订阅 转发 打赏", "喜欢的话请点赞订阅", "别忘了点赞关注",
    "記得按讚訂閱，開啟小鈴鐺", "本期视频就到这里", "字幕製作 貝爾", "字幕校对：小王", "作詞・作曲・編曲 初音ミク",
    "演唱 李宗盛", "翻译 校对 时间轴", "未经作者授权禁止转载", "全剧终", "Thanks for watching!",
    "Thank you all for watching, please subscribe.", "Please like, comment and subscribe.",
    "Thanks for watching and I'll see you in the next video.", "Bye. See you in the next one. Bye-bye.",
    "See you next video", "Don't forget to subscribe", "If you enjoyed this video please like and subscribe",
    "Hit the bell icon", "Translated by Releska", "Copyright WDR 2021", "For more information visit www.FEMA.gov",
]  # fmt: skip
PERHAPS = [
    "我们下次再见", "谢谢大家", "中文字幕", "订阅", "音乐", "Thanks for listening.", "See you next time!", "you",
    "Music",
]  # fmt: skip
SAID = [
    "谢谢", "谢谢您", "好的谢谢，再见", "拜拜", "感谢您的来电", "感谢您的耐心等待", "今天就到这里吧", "我的订阅",
    "我想取消订阅", "我的收藏", "我的点赞和收藏", "分享订阅", "支持支持", "请关注我们的公众号", "请支持一下",
    "打赏怎么退", "打开我的频道", "字幕翻译不对", "字幕由中文改成英文", "把字幕由英文换成中文", "中文字幕没有了",
    "演唱会门票怎么买", "演唱会的票可以退吗", "编曲软件打不开", "我叫李宗盛", "翻译和校对多少钱",
    "下一期还款是什么时候", "未经授权扣款", "Thank you.", "Thank you very much.", "Thank you for your help",
    "Thank you for calling", "Thanks for your patience", "Bye-bye", "See you tomorrow", "My name is Amara",
    "Tamara Jones", "I want to subscribe to the premium plan", "I can't see the next episode",
    "The captions are missing", "Copyright claim", "I am watching the video", "And so",
]  # fmt: skip


@pytest.mark.parametrize("text", NEVER)
def test_nobody_says_credits_on_a_call_however_sure_the_recogniser_is(text: str) -> None:
    assert is_boilerplate(text, SURE, HEARD)


@pytest.mark.parametrize("text", HARDLY)
def test_farewells_of_videos_need_a_recogniser_that_is_sure_and_heard_speech(text: str) -> None:
    assert not is_boilerplate(text, SURE, HEARD)
    assert is_boilerplate(text, UNSURE, HEARD)
    assert is_boilerplate(text, SURE, UNHEARD)


@pytest.mark.parametrize("text", PERHAPS)
def test_what_may_well_be_said_goes_only_when_everything_speaks_against_it(text: str) -> None:
    assert not is_boilerplate(text, UNSURE, HEARD)
    assert not is_boilerplate(text, SURE, UNHEARD)
    assert is_boilerplate(text, UNSURE, UNHEARD)


@pytest.mark.parametrize("text", SAID)
def test_callers_may_speak_of_subtitles_songs_and_subscriptions(text: str) -> None:
    assert not is_boilerplate(text, UNSURE, UNHEARD)


def test_a_credit_within_a_long_text_does_not_take_the_text_with_it() -> None:
    said = "我上个礼拜在你们店里买的那个蓝牙耳机左边一直没有声音我按照说明书重置了三次还是不行你看能不能给我换一个新的"
    assert not is_boilerplate(f"{said} 请不吝点赞", UNSURE, UNHEARD)


def test_the_verdict_takes_both_doubts_into_account() -> None:
    def verdict(avg_logprob: float, no_speech_prob: float) -> str | None:
        return judge("谢谢观看", speech_ms=2000, language="zh", avg_logprob=avg_logprob, no_speech_prob=no_speech_prob)

    assert verdict(SURE, HEARD) is None
    assert verdict(UNSURE, HEARD) == verdict(SURE, UNHEARD) == "boilerplate"
