"""Calls written for these tests, of businesses of several kinds: (channel, text) turns and what the record should say.

``C`` speaks for the caller, ``A`` for the agent. The calls take place on Monday 2026-11-23.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedCall:
    name: str
    turns: tuple[tuple[str, str], ...]
    issue_type: str
    sentiment: str
    priority: int
    needs_offline_inspection: bool
    lifecycle: str | None = None
    tags: tuple[str, ...] = ()
    """Must be among the tags."""
    not_tags: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    """Exactly these, by the name after ``facts.``."""
    follow_up: tuple[str, ...] = ()
    """Must be part of the follow-up."""


CALLS = (
    ScriptedCall(
        name="bank: a charge the caller does not know",
        turns=(
            ("A", "您好，汇川银行，请问有什么可以帮您？"),
            ("C", "你好，我信用卡上有一笔消费不是我刷的，八百六十块，想查一下。"),
            ("A", "请您报一下卡片后四位。"),
            ("C", "后四位是幺二九零。"),
            ("A", "好的，请问联系电话是多少？"),
            ("C", "幺八六幺二三四五六零九。"),
            ("A", "我先帮您冻结卡片，三个工作日内给您回电。"),
            ("C", "行，那我等电话，谢谢。"),
        ),
        issue_type="账单",
        sentiment="中性",
        priority=1,
        needs_offline_inspection=False,
        tags=("盗刷",),
        facts={"phone": "18612345609", "amount": "860"},
        follow_up=("三个工作日内",),
    ),
    ScriptedCall(
        name="telecom: line down, engineer comes",
        turns=(
            ("A", "您好，欢迎致电蓝湾宽带。"),
            ("C", "喂，我家宽带从昨天晚上就断了，光猫上那个红灯一直亮。"),
            ("A", "请问您重启过光猫吗？"),
            ("C", "重启了两三回，没用。"),
            ("A", "给您安排师傅明天上午上门检修，可以吗？"),
            ("C", "可以，上午家里有人。"),
            ("A", "联系电话是尾号五五零七这个手机吗？"),
            ("C", "对的。"),
            ("A", "好的，师傅上门前会跟您联系。"),
        ),
        issue_type="技术",
        sentiment="中性",
        priority=3,
        needs_offline_inspection=True,
        tags=("需线下检测", "上门检测"),
        not_tags=("盗刷", "投诉"),
        facts={"phone": "尾号5507"},
        follow_up=("→", "明天上午"),
    ),
    ScriptedCall(
        name="appliances: delivery late again, angry",
        turns=(
            ("A", "您好，安居电器。"),
            ("C", "我订的洗衣机说好上周五送，到现在影子都没有，你们到底送不送？"),
            ("A", "非常抱歉，麻烦提供一下订单号。"),
            ("C", "单号 AJ 二零二六一一零三，这都第三次打电话催了，没一个人管。"),
            ("A", "我马上联系仓库。"),
            ("C", "我不要听这些，叫你们经理接电话。"),
            ("A", "好的，已经为您升级处理，经理今天下午五点前给您回电话。"),
            ("C", "再没人理我就打一二三一五。"),
        ),
        issue_type="物流",
        sentiment="负面",
        priority=1,
        needs_offline_inspection=False,
        tags=("重复来电", "要求升级", "投诉"),
        facts={"order_no": "AJ20261103"},
        follow_up=("经理", "回电"),
    ),
    ScriptedCall(
        name="travel: refund of a cancelled flight, polite but unhappy",
        turns=(
            ("A", "您好，远帆旅行。"),
            ("C", "你好，打扰了。我上个月取消的机票，说七天退款，现在都二十多天了。"),
            ("A", "请问订单号是多少？"),
            ("C", "七七零四幺九九二。"),
            ("A", "票款是多少呢？"),
            ("C", "两千三百五十块。"),
            ("A", "查到了，航司还没有退回来，我帮您催一下，两天之内给您答复。"),
            ("C", "我也不是怪你，就是你们这样拖，让人挺失望的。"),
            ("A", "真的很抱歉。"),
            ("C", "嗯，麻烦你了。"),
        ),
        issue_type="账单",
        sentiment="负面",
        priority=3,
        needs_offline_inspection=False,
        tags=("退款未到账", "委婉不满"),
        not_tags=("要求升级",),
        facts={"order_no": "77041992", "amount": "2350"},
        follow_up=("两天之内",),
    ),
    ScriptedCall(
        name="car repair: noise when braking, comes in",
        turns=(
            ("A", "您好，车安汽修。"),
            ("C", "你好，我的车最近一踩刹车就有吱吱的声音，方向盘也抖。"),
            ("A", "多久了？"),
            ("C", "大概一个礼拜吧，高速上更明显。"),
            ("A", "建议您把车开到店里检查一下刹车片。"),
            ("C", "那后天上午行不行？检查要收钱吗？"),
            ("A", "检查是免费的，我给您约后天上午十点。"),
            ("C", "好，我姓孙，手机一三三零五五五八八二六。"),
        ),
        issue_type="技术",
        sentiment="中性",
        priority=3,
        needs_offline_inspection=True,
        tags=("刹车故障", "门店检测", "需线下检测"),
        not_tags=("★高价值线索",),
        facts={"phone": "13305558826"},
        follow_up=("后天上午十点",),
    ),
    ScriptedCall(
        name="car sale: a lead with a budget",
        turns=(
            ("A", "您好，新程汽车。"),
            ("C", "你好，我想换辆车，预算十五万左右，一家五口坐，有没有推荐的？"),
            ("A", "您更看重空间还是油耗？"),
            ("C", "空间吧，我还在跟另外一家对比。旧车能不能折价？"),
            ("A", "可以评估置换的，您方便来店里试驾吗？"),
            ("C", "周日下午过去看看。"),
            ("A", "那我帮您预约周日下午到店试驾，稍后发定位给您。"),
            ("C", "太好了，你介绍得真清楚，谢谢。"),
        ),
        issue_type="其他",
        sentiment="正面",
        priority=2,
        needs_offline_inspection=False,
        lifecycle="潜客",
        tags=("★高价值线索", "以旧换新"),
        facts={"amount": "150000"},
        follow_up=("→", "周日下午"),
    ),
    ScriptedCall(
        name="online shop: wrong item, plain report",
        turns=(
            ("A", "您好，请讲。"),
            ("C", "我前天收到的电饭煲型号不对，我下单的是四升的，发来的是三升的。"),
            ("A", "请提供一下订单号和手机号。"),
            ("C", "订单号三三幺八零零七二五，手机一五九七七八八六六五五。"),
            ("A", "好的，给您安排上门取件换货，新的明天寄出。"),
            ("C", "好的，没问题。"),
        ),
        issue_type="物流",
        sentiment="中性",
        priority=3,
        needs_offline_inspection=False,
        tags=("错发",),
        not_tags=("投诉", "需线下检测"),
        facts={"order_no": "331800725", "phone": "15977886655"},
        follow_up=("明天寄出",),
    ),
    ScriptedCall(
        name="phone shop: fault with a purchase date, praise at the end",
        turns=(
            ("A", "您好，请问有什么可以帮您？"),
            ("C", "我上周六在你们店买的手表，同步不了数据，一直转圈。"),
            ("A", "您把应用更新到最新版再重新绑定试试。"),
            ("C", "我弄一下啊。哎，好了好了，真的可以了。"),
            ("A", "太好了，还有别的问题吗？"),
            ("C", "没有了，你太专业了，一下子就解决了，给你点个赞。"),
        ),
        issue_type="技术",
        sentiment="正面",
        priority=3,
        needs_offline_inspection=False,
        tags=("手表故障",),
        facts={"purchase_date": "2026-11-21"},
    ),
    ScriptedCall(
        name="insurance: only a question",
        turns=(
            ("A", "您好，平顺保险。"),
            ("C", "你好，我想问一下车险快到期了，续保要准备什么材料？"),
            ("A", "只要身份证和行驶证就可以。"),
            ("C", "在手机上能办吗？"),
            ("A", "可以的，在小程序里就能续。"),
            ("C", "好，知道了，谢谢。"),
        ),
        issue_type="其他",
        sentiment="中性",
        priority=3,
        needs_offline_inspection=False,
        not_tags=("投诉", "需线下检测", "★高价值线索"),
    ),
    ScriptedCall(
        name="english: car repair",
        turns=(
            ("A", "Good morning, Hillside Auto, how can I help you?"),
            ("C", "Hi, my check engine light came on and the car stalls when I stop at a light."),
            ("A", "Okay, can you bring it in tomorrow so we can take a look?"),
            ("C", "Yes, that works. My number is 415 555 0132."),
            ("A", "Great, I'll put you down for tomorrow at nine."),
            ("C", "Okay, thanks, bye."),
        ),
        issue_type="技术",
        sentiment="中性",
        priority=3,
        needs_offline_inspection=True,
        facts={"phone": "4155550132"},
        follow_up=("tomorrow",),
    ),
)
