"""What Whisper learnt from the subtitles of videos and writes where it hears nothing: credits, farewells, appeals.

Sorted by who says such a thing on a service call. Patterns see text without spaces and punctuation, in lower case and
simplified characters, and must fit all of it: what merely mentions a subtitle or a subscription is somebody's question.
The phrases are those that users of Whisper report (openai/whisper discussions 679 and 928, and the lists of filters
that open transcribers keep); the wording of the patterns is ours.
"""

import re
from typing import Literal

Said = Literal["never", "hardly", "perhaps"]
"""On a call: never; only if the recogniser is sure of it; unless everything speaks against it."""

_MAX_CHARS = 64
_MAX_AROUND = 48
"""In longer texts a credit is part of something else."""

_NO_QUESTION = r"(?!.*[不吗呢怎有要没错多能可会的了是改换变调转成])"
"""Characters of a sentence about subtitles or songs, which names of people hardly have."""

_NEVER = re.compile(
    r".*(amaraorg|字幕志愿者|不吝点赞|明镜与点点|点点栏目|(订阅|支持)明镜|明镜需要您的支持|独播剧场|yoyotelevision).*"
    r"|.*(字幕|社[区群]|subtitles?|captions?).{0,12}amara.*|.*amara.{0,12}(字幕|社[区群]|community)"
    r"|.*字幕(by.{0,12}|由.{0,20}(提供|制作|志愿者|字幕组).{0,4})"
    r"|.{0,4}由.{1,12}字幕组(制作|提供|翻译|校对|出品|压制)?"
    r"|(中文)?字幕(李宗盛|杨茜茜|杨栋梁|索兰娅|贝尔)"
    r"|ご[視视][聴听].*|mbc뉴스.*|(mingpao(canada|toronto)?)+|wwwmoojiorg|bfwatchtv\d*"
    r"|(subtitles?|subtitled|captions?|captioned|transcribed)by.*|.*castingwords"
    r"|sync(and)?corrections(by)?.*|(soustitr|untertitel|ondertitel|sottotitoli).*"
)

_THANKS_ZH = r"(谢谢|感谢)(大家|各位|您|你们|你)?的?(观看|收看|收听)(下[期集次]|本期|我的|视频|节目|再见|拜拜)*"
_NEXT_ZH = r"(我们|咱们)?(在)?(下一?[期集]|下个视频)(视频|节目)?(里)?(再见|再会|见)"
_END_ZH = r"(好了?|那么?|我们)*(今天|本[期集]|这一?期)的?(视频|节目|影片)就?先?到(这里|这儿|此)(了|为止|结束)?"
_APPEAL_ZH = (
    r"(?=.*(点赞|点个赞|按赞|打赏|铃铛|三连|订阅.*(频道|转发)))(?=.*(请|记得|欢迎|忘|喜欢|订阅|转发|支持))"
    r"(请|记得|欢迎|(别|不要)忘[了记]|大家|我们?的?|点个?赞|按赞|订阅|转发|打赏|分享|收藏|频道|评论|留言|支持|关注|小?铃铛"
    r"|开启|打开|点击|按|一键|三连|投币|如果|喜欢|的话|这个|本|视频|影片|一下|和|与|及|并|也|给|个|哦|吧){2,}"
    r"|(请|记得|欢迎|(别|不要)忘[了记]|大家|我的){1,3}(订阅|点赞)(?<!我的订阅)(?<!我的点赞)"
)
_CREDIT_ZH = (
    rf"(中文)?字幕(组|提供者?|制作|校对|翻译|由){_NO_QUESTION}.{{0,10}}"
    r"|(?=.*(听译|时间轴|压制))((听译|翻译|校对|时间轴|后期|压制|润色|监制|字幕).{0,4}){2,}"
    rf"|{_NO_QUESTION}(作词|作曲|编曲|词曲|演唱|原唱).{{0,12}}"
    r"|未经.{0,6}(禁止|不得|请勿|严禁)(转载|搬运|翻拍|使用).{0,4}"
    r"|全?剧终|本集完|未完待续"
)
_THANKS_EN = (
    r"(thankyou|thanks)(all|guys|everyone)?(so|very)?(much)?(all)?for(watching|viewing)"
    r"((this|the|my|our)(video|channel|show|episode)|everyone|guys|all)?"
)
_NEXT_EN = r"(ill|iwill|well|wewill)?see(you|ya)(guys|all)?(in|on)?(the|my|our)?next(video|one|episode|vlog)"
_APPEAL_EN = (
    r"(?=.*(subscribe|bellicon|likebutton))"
    r"(please|dont?forgetto|rememberto|ifyou(dlike|like|liked|enjoy|enjoyed)(this|the|my)?video"
    r"|like|share|comment|subscribe|hitthe(like|bell)(button|icon)?|to(my|our|the|this)channel|formorevideos|and)+"
)
_CREDIT_EN = (
    r"(subs|translated|transcription|closedcaption(ing|s))by.*|copyright(wdr|swr|ndr|zdf|ard)?\d{4}"
    r"|formore(information|unvideos)(please)?visitwww(femagov|unorg)"
)
_PARTS = "|".join(
    (_THANKS_ZH, _NEXT_ZH, _END_ZH, _THANKS_EN, _NEXT_EN, r"bye|and|so|请订阅(我的)?频道|pleasesubscribe")
)
_HARDLY = re.compile(
    rf"(?=.*(观看|收[看听]|下一?[期集]|下个视频|到(这里|这儿|此)|for(watching|viewing)|next|subscribe))({_PARTS})+"
    rf"|{_APPEAL_ZH}|{_CREDIT_ZH}|{_APPEAL_EN}|{_CREDIT_EN}"
)
_PERHAPS = re.compile(
    r"(thankyou|thanks)(so|very)?(much)?forlistening|(ill)?see(you|ya)(guys)?nexttime|theend|you|music"
    r"|(我们)?下次再见|谢谢大家|中文字幕|订阅|点赞|音乐"
)


def said_on_calls(core: str) -> Said | None:
    """Who says so on a call; None: it is none of these phrases. ``core`` is bare and in simplified characters."""
    if len(core) > _MAX_CHARS:
        return None
    if len(core) <= _MAX_AROUND and _NEVER.fullmatch(core):
        return "never"
    if _HARDLY.fullmatch(core):
        return "hardly"
    return "perhaps" if _PERHAPS.fullmatch(core) else None
