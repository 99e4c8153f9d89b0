"""What a sentence does in a call: ask for something, tell a problem, report what was done, promise, instruct, refuse.

Weights are judgements of their authors, in units of one clear sign; docs/record.md tells how they were checked.
"""

import re

_I = re.IGNORECASE

_REQUEST = re.compile(
    r"(?:我|我们)?(?:就|还|也)?(?:想要?|需要|希望|打算|准备)(?!到)|我要|(?:能|可)不(?:能|可以)|(?:能|"
    r"可以)(?:帮我|给我|不可以)|(?:帮|给|替)我|麻烦你?们?帮|(?:能|可以)(?!听).{1,16}(?:吗|么|不[？?]?$)|"
    r"怎么(?:办|弄|用|查|改|申请|开|退|换|算|样|能|还|才|处理)|要怎么|如何|咨询|问(?:问|一下|下)|了解一?下|"
    r"申请|取消|办理|投诉|"
    r"(?:退|换|修|补|改|查|开|寄|催)(?:货|款|一下|个|张|掉|钱)|"
    r"i(?:'d| would) like|i (?:\w+ )?(?:want|need|was hoping|am trying|would)\b|i'm (?:calling|trying|"
    r"looking)|can (?:you|i|we)|"
    r"could you|how (?:do|can|long|much)|is it possible|cancel|refund|exchange|(?:change|update|move) (?:my|the)",
    _I,
)
_PROBLEM = re.compile(
    r"坏了?|断|慢|没有了|(?:没|不)(?:找|拿|接|声音|反应|亮|响|动|能用|好使|见|到账|收到|发货|更新|显示|了)|"
    r"(?:一直|还是?|怎么都?|总是?|老是?|突然|根本)(?:没|不|连|打|登|收)|"
    r"没有?(?:收到|看到|到|找|声音|网|信号|送|发|退|给)|"
    r"(?:打|登|连|充|开|用|进|付|收|查|找)不(?:开|上|了|进|到|动|出)|(?:少|漏|错|多)(?:了|发|收|扣|寄|送)|破|"
    r"裂|漏水|凹|碎|压坏|异响|闪退|死机|黑屏|卡|"
    r"报错|故障|失败|扣了|重复|丢|延误|拖|超时|不对|有问题|不灵|发烫|断(?:线|网|开)|"
    r"(?<!没)(?:但是|可是|结果|怎么回事)|\bbut i\b|(?:isn't|not|won't|doesn't|can't|cannot|never|didn't|"
    r"hasn't|haven't) \w+|broken|crack|wrong|missing|late|stuck|"
    r"error|fail|charged|damaged|still (?:no|not|waiting)|stopped|twice|keeps? \w+ing|dropp",
    _I,
)
_QUESTION = re.compile(
    r"[？?]|(?:吗|呢|么)$|怎么|什么|哪[里个儿天些]|几[点天个]|多(?:少|久|长)|是不是|能不能|可不可以|有没有|为什么|"
    r"^(?:(?:and|so|but) )?(?:(?:what|when|where|why|how|who|which)\b|(?:can|could|do|does|did|is|are|will|"
    r"would|should) (?:you|i|we|it|there|that|they|the|my|any)\b)",
    _I,
)
_ANSWERS_ASKED = re.compile(
    r"^(?:对|是|嗯|没错|不是|有|没有|可以|行|好)(?:的|啊|了)?$|订单号?(?:码)?(?:是|：)?|(?:电话|手机|号码|"
    r"尾号|卡号|身份证|地址|单号)(?:号码?)?(?:是|就是)|"
    r"(?:我|免贵)姓|我叫|my (?:name|number|order number|email|address)|it's [a-z]?\d|the (?:order )?number is",
    _I,
)
_BACK = re.compile(
    r"多久|什么时候|几点|几天|多少|意思|还是我|用不用|是不是就|how (?:long|soon|much)|when|what does that|"
    r"do i have to|does anyone",
    _I,
)
_ASIDE = re.compile(r"上次|以前|之前(?!能)|随口|顺便|不用管|反正|算了|那时候|last time|by the way|anyway", _I)
_COMPLETED = re.compile(
    r"已经?(?:给?您?帮?|为您)?[\u4e00-\u9fff]|查(?:到|询到|过)了?|看到了|(?:备注|标记|通知|安排|登记|提交)了|"
    r"(?:登记|提交|办理?|处理|约|改|开|补|记|取消|退|申请|设置|重置|绑定|修改|更新|恢复|开通|锁定|挂失|"
    r"冻结)(?:好|完|成功|上)了?|"
    r"(?:确实|核实)(?:是|有|漏|少|到|了|错)|(?:帮|给|为)您.{0,10}(?:了$|好了|成功)|操作完|(?:重置|取消|修改|"
    r"开通|恢复)了|"
    r"i(?:'ve| have) (?:\w+ed|put|sent|set|made|found|just)|i can see|i see (?:that|the|your|here)|it(?:'s|"
    r" is| has) (?:been|now)|has been|"
    r"(?:is|that's) (?:done|all set|booked|cancell?ed|updated|confirmed)|just (?:sent|reset|updated|"
    r"cancell?ed|booked)",
    _I,
)
_ACTING = re.compile(
    r"我(?:现在|这就|马上|先|来)?(?:就)?(?:帮|给|为|替)您|我(?:来)?(?:查|看|核实|确认)一?下|(?:let me|"
    r"i'm going to|i'll just) (?:check|look|reset|see)",
    _I,
)
_FINDING = re.compile(
    r"(?:系统|后台|页面|这边|仓库|物流|订单|快递|银行|记录)(?:里|上)?.{0,6}(?:显示|看到|是|在|已|正)|我?看到|"
    r"确实|是因为|原因是|可能是|显示|属于|支持|不支持|包含|"
    r"免费|不收|可以(?:分|抵|用|退|换|改|免|直接|当|申请|延|享)|最(?:高|多|低|少)|一般|通常|规定|保修|有效期|"
    r"(?:等于|就是).{0,6}|"
    r"shows?|according to|covered|free of charge|because|under warranty|you can|it takes|our policy",
    _I,
)
_RESOLVED = re.compile(
    r"(?:好了|可以了|能用了|有(?:声音|网|信号|反应)了|恢复了|亮了|连上了|登上了|进去了|收到了|成功了|解决了|"
    r"正常了)(?:[，,。！!啊]|$)|it works|that worked|"
    r"(?:it's|it is) (?:working|back|fixed)|that fixed",
    _I,
)
_INSTRUCTION = re.compile(
    r"(?:建议|需要|麻烦|请|记得|到时候?|之后|然后)您?.{0,12}(?:带|寄|到店|去|来|准备|保留|携带|联系|等|留意|"
    r"拨打|下载|登录|上传|填|保持|查收|关注|出示|试|换|不要|先不)|"
    r"您.{0,8}(?:带(?!来)|寄|拿|到(?!账|期|的|了)|去|准备|保留|携带|上传|下载|登录|填|保持|查收|留意|关注|"
    r"出示|拨打|提前|等(?:短信|通知|电话)|让.{1,4}帮)|"
    r"凭.{0,8}(?:到|取|去)|(?:先|暂时)不要|不要(?:通电|使用|扒|拆|挂)|"
    r"(?:please|you(?:'ll| will)? (?:\w+ )?(?:need to|should|have to)|you (?:just )?need to|"
    r"don't forget to) (?:\w+ )?(?:bring|send|keep|call|check|wait|"
    r"reply|drop|ship|back up|pack|take|print|visit|go|upload|restart|leave|sign)",
    _I,
)
_IN_CALL = re.compile(
    r"请(?:问|讲|说|您?稍等|您?慢|您?报|您?提供|您?放心)|稍等|(?:报|说|提供|告诉|留)(?:我)?(?:一下|一个|"
    r"下)?.{0,5}(?:订单|号|电话|姓名|地址|名字)|看一?下|听得?到|"
    r"请您?(?:不要)?挂|别挂|hold on|one moment|may i have|could i (?:get|have)|can i (?:get|have)",
    _I,
)
_HANDOFF = re.compile(
    r"转(?:交|接|给|到|达)|升级(?:处理|到|给)?(?!会员)|建(?:个|一?张)?(?:工)?单|派(?:单|.{0,3}(?:人|师傅|"
    r"工程师))|(?:帮|给|为)您?(?:预约|约)(?!金)|安排.{0,6}(?:师傅|工程师|上门|专员|取件)|"
    r"transfer|escalat|open(?:ed)? a ticket|put you through|schedul|book(?:ed)? (?:you|an|a)",
    _I,
)
_CALLER_WILL = re.compile(
    r"(?:我|我们)?(?:明天|后天|今晚|今天|晚上|下午|待会儿?|等(?:下|会儿)|回头|这就|马上|到时候?|这个?周.|"
    r"下个?周.|周.|过两天).{0,8}(?:去|来|过来|寄|发|拿|带|补|传|给你们?|付|交|到店|看看|打|试)|"
    r"我(?:会|把).{0,10}(?:寄|发|传|带|送)(?:过?[去来]|给)|i'll (?:send|bring|call|drop|email|ship|check|try|"
    r"come|go|pick)|i can (?:come|bring|send|drop)",
    _I,
)
_REFUSAL = re.compile(r"不用了?|不要(?!紧)|不需要|算了|不必|免了|no,? thanks?|don't (?:bother|need)|never mind", _I)
_AGREED = re.compile(
    r"^(?:嗯|好|行|可以|没问题|方便|对|是|中|成|那就|ok|okay|yes|yeah|sure|that works|perfect|fine|great|"
    r"sounds good)",
    _I,
)
_PROPOSAL = re.compile(
    r"(?:可以|行|方便|好|合适|有空)(?:吗|么|不|吧)|怎么样|您看|work for you|is that (?:okay|all right|fine)|"
    r"would .{0,20}work",
    _I,
)
_STALLS = re.compile(
    r"稍等|不太?清楚|不确定|我(?:帮您|去)?(?:查|核实|确认|问)(?:一下|下)|需要(?:核实|确认)|hold on|one moment|"
    r"not sure|let me (?:check|see)|"
    r"i'd have to check",
    _I,
)
_TRIED = re.compile(
    r"(?:试|问|看|找|寄|填|刷|打|查|联系|重启|换|放回去|重装|重置|拔|重新\w{0,4}|恢复|清理?|擦|更新|关机|刷新|"
    r"卸载|检查|等|充)(?:过|了(?!解))|都?(?:试|弄)(?:过|了).{0,4}(?:次|遍|都|还)|还是(?:不|没|只|一样|这样)|"
    r"没用|"
    r"(?:tried|restarted|rebooted|reset|unplugged|reinstalled|replaced|already (?:did|checked)|"
    r"still (?:the same|not|doesn't))",
    _I,
)
_COURTESY = re.compile(
    r"很?高兴为您|为您服务|什么可以帮|祝您|再见|拜拜|感谢|谢谢|不客气|抱歉|对不起|理解您?|心情|欢迎|"
    r"还有(?:什么|其他)|请讲|怎么称呼|久等|"
    r"how (?:can|may) i help|thank|sorry|anything else|have a (?:nice|good|great)|bye|apologi[sz]e|you're welcome",
    _I,
)


def request(text: str) -> float:
    """How much the sentence asks for something."""
    return 1.0 * bool(_REQUEST.search(text)) + 0.5 * bool(_QUESTION.search(text))


def problem(text: str) -> float:
    """How much it tells of something that is wrong."""
    return float(bool(_PROBLEM.search(text)))


def question(text: str) -> bool:
    """Whether it asks."""
    return bool(_QUESTION.search(text))


def detail(text: str) -> bool:
    """Whether it only gives what was asked for: a number, a name, yes or no."""
    return bool(_ANSWERS_ASKED.search(text))


def asks_back(text: str) -> bool:
    """Whether it asks for a detail of what was offered (how long, how much), not for a thing of its own."""
    return bool(_BACK.search(text)) and question(text)


def aside(text: str) -> bool:
    """Whether it is about another time or beside the matter."""
    return bool(_ASIDE.search(text))


def completed(text: str) -> float:
    """How much it reports something done, or found out."""
    return 1.5 * bool(_COMPLETED.search(text)) + 0.6 * bool(_ACTING.search(text)) + 0.6 * bool(_FINDING.search(text))


def resolved(text: str) -> bool:
    """Whether the customer says that it works now."""
    return bool(_RESOLVED.search(text))


def instruction(text: str) -> bool:
    """Whether the customer is told what to do after the call."""
    return bool(_INSTRUCTION.search(text)) and not _IN_CALL.search(text)


def handoff(text: str) -> bool:
    """Whether the case goes on with somebody else, or at a time agreed."""
    return bool(_HANDOFF.search(text))


def caller_will(text: str) -> bool:
    """Whether the customer says what they are going to do."""
    return bool(_CALLER_WILL.search(text)) and not re.search(r"[吗么][？?]?$", text)


def refusal(text: str) -> bool:
    """Whether an offer is turned down."""
    return bool(_REFUSAL.search(text)) and not question(text)


def agreed(text: str) -> bool:
    """Whether a proposal is accepted."""
    return bool(_AGREED.search(text)) and not refusal(text)


def proposal(text: str) -> bool:
    """Whether a time or a way is proposed."""
    return bool(_PROPOSAL.search(text))


def stalls(text: str) -> bool:
    """Whether a question is put off instead of answered."""
    return bool(_STALLS.search(text))


def tried(text: str) -> bool:
    """Whether it says what was tried already."""
    return bool(_TRIED.search(text))


def courtesy(text: str) -> bool:
    """Greeting, thanks, excuse: nothing of the matter."""
    return bool(_COURTESY.search(text))


def in_call(text: str) -> bool:
    """Whether the customer is asked for something now."""
    return bool(_IN_CALL.search(text))


_WHEN = re.compile(
    r"(?:[半\d零一二两三四五六七八九十]+(?:[到至\-~][\d一二三四五六七八九十]+)?个?半?(?:小时|分钟|钟头|天|"
    r"工作日|星期|礼拜|周|月)(?!之?前|以前)(?:之?内|以内|左右|后|之后)?|今[天晚]|明[天早晚]|后天|"
    r"(?<!上)(?<!上个)(?:周|星期|礼拜)[一二三四五六日天末]|[\d一二三四五六七八九十]+[号日]|月底|稍后|尽快|"
    r"马上|立即|第一时间|以后|之后|到时|"
    r"within|tomorrow|tonight|today|shortly|soon|as soon|by (?:mon|tues|wednes|thurs|fri|satur|sun)|on (?:mon|"
    r"tues|wednes|thurs|fri|satur|sun)\w*day|"
    r"next week|in \w+ (?:business )?(?:day|hour|minute|week)|once|when)",
    _I,
)
_COMMIT = re.compile(
    r"我(?:们)?|(?:帮|给|为|替)您|会|将|专员|经理|师傅|主管|工程师|同事|争取|一定|\b(?:i'll|i will|i can|"
    r"we'll|we will|we can|they'll|they will|"
    r"(?:someone|a \w+|the \w+) will|i'm going to|we're going to|it takes)\b",
    _I,
)
_ACT = re.compile(
    r"回电|回复|答复|回访|联系您|通知您|反馈|寄给|寄出|补[寄发送]|重新?[寄发]|(?:给|向)您[寄发]|发(?:短信|"
    r"邮件|给您|到您|送)|短信|打(?:个)?电话|打款|到账|退[款费还回给到]|赔[付偿]|处理|跟进|"
    r"上门|派|催|提交|申请|登记|备注|加急|安排|到现场|送您|赠送|送达|补偿|减免|核实|预约|约好|转[交接告达]|"
    r"升级|等您|开具|开好|"
    r"\b(?:call|email|send|refund|ship|get back|follow up|credit|waive|replace|deliver|schedule|be there|"
    r"let you know|text|look into|escalate|"
    r"reimburse|repair|mail|post)\b",
    _I,
)
_PAST = re.compile(
    r"已经?|(?:备注|登记|标记|通知)了|(?:办理|退款|登记|改|提交|取消|约|开|补|设置)(?:好|成功|完)?了|i've|"
    r"i have \w+ed|has been|just \w+ed",
    _I,
)
_GENERAL = re.compile(
    r"一般|通常|的话|如果|要是|只要|规定|最(?:高|多)|可以抵|不(?:用|需要|会)|usually|normally|if you|policy|"
    r"no charge",
    _I,
)


def timed(text: str) -> bool:
    """Whether it says when."""
    return bool(_WHEN.search(text))


def promise(text: str) -> float:
    """How much it commits the speaker's side to do something; 0: not at all."""
    if _IN_CALL.search(text) or re.search(r"[吗么]$|[？?]$", text):
        return 0.0
    when, commits, acts = timed(text), bool(_COMMIT.search(text)), bool(_ACT.search(text))
    if not acts or not (when or commits):
        return 0.0
    if _PAST.search(text) and not when:
        return 0.0
    strength = 0.6 + 0.8 * when + 0.2 * commits
    return strength - 0.5 * bool(_GENERAL.search(text))
