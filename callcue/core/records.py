"""The call record: what is filled in while the call runs, who set each value, and on what evidence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from callcue.core.field_spec import FieldSource as FieldSource  # noqa: PLC0414 - read from here by many
from callcue.core.field_spec import FieldSpec
from callcue.core.field_spec import Scalar as Scalar  # noqa: PLC0414 - read from here by many
from callcue.core.field_spec import Value as Value  # noqa: PLC0414 - read from here by many
from callcue.core.taxonomy import default_taxonomy

ISSUE_TYPES = ("技术", "账单", "物流", "其他")
"""The types of the taxonomy that comes with CallCue (``callcue/core/taxonomy.toml``)."""
SENTIMENTS = ("正面", "中性", "负面")
LIFECYCLES = ("潜客", "新客", "复购", "忠诚")
SERVICE_STATES = ("待门店响应", "线上已处理", "跨渠道闭环")
CHANNEL_NAMES = (
    "电话直拨",
    "线下门店引流来电",
    "抖音咨询转电话",
    "小程序转电话",
    "企微转电话",
    "官网转电话",
    "直播转电话",
)
ACTION_CHANNELS = ("门店", "线上工单", "电话回访", "企微", "短信", "小程序")
DEMANDS = ("情绪安抚", "价格敏感", "服务优先", "时效优先", "品质优先")

FACTS = (
    "facts.phone",
    "facts.order_no",
    "facts.amount",
    "facts.purchase_date",
    "facts.product",
    "facts.address",
    "facts.name",
    "facts.staff",
)
STANDARD_FIELDS: tuple[FieldSpec, ...] = (
    FieldSpec(
        name="issue_type",
        label="问题类型",
        label_en="Issue type",
        group="issue",
        kind="choice",
        choices=ISSUE_TYPES,
        required=True,
    ),
    FieldSpec(
        name="issue_subtype",
        label="问题子类",
        label_en="Issue sub-type",
        group="issue",
        kind="choice",
        choices=default_taxonomy().subtypes,
    ),
    FieldSpec(name="sentiment", label="情绪", label_en="Sentiment", group="issue", kind="choice", choices=SENTIMENTS),
    FieldSpec(name="tags", label="标签", label_en="Tags", group="tags", many=True),
    FieldSpec(
        name="lifecycle", label="客户阶段", label_en="Lifecycle", group="issue", kind="choice", choices=LIFECYCLES
    ),
    FieldSpec(
        name="needs_offline_inspection",
        label="需线下检测",
        label_en="Needs offline inspection",
        group="issue",
        kind="flag",
        sources=("person", "model", "rule", "default"),
    ),
    FieldSpec(
        name="priority",
        label="优先级",
        label_en="Priority (1 is the highest)",
        group="issue",
        kind="integer",
        minimum=1,
        maximum=5,
        default=3,
        required=True,
        sources=("person", "model", "rule", "default"),
    ),
    FieldSpec(name="follow_up", label="后续跟进", label_en="Follow-up", group="actions", kind="notes"),
    FieldSpec(
        name="facts.phone", label="电话", label_en="Phone", group="facts", kind="phone", required=True, personal=True
    ),
    FieldSpec(
        name="facts.order_no", label="订单号", label_en="Order number", group="facts", kind="code", personal=True
    ),
    FieldSpec(name="facts.amount", label="金额", label_en="Amount", group="facts", kind="amount"),
    FieldSpec(name="facts.purchase_date", label="购买日期", label_en="Purchase date", group="facts", kind="date"),
    FieldSpec(name="facts.product", label="商品", label_en="Product", group="facts"),
    FieldSpec(name="facts.address", label="地址", label_en="Address", group="facts", personal=True),
    FieldSpec(name="facts.name", label="客户姓名", label_en="Customer's name", group="facts", personal=True),
    FieldSpec(name="facts.staff", label="客服", label_en="Agent's name or number", group="facts"),
    FieldSpec(
        name="channel",
        label="渠道标识",
        label_en="Channel",
        group="channel",
        kind="choice",
        choices=CHANNEL_NAMES,
        open_choices=True,
    ),
    FieldSpec(
        name="cross_channel_id",
        label="跨渠道关联ID",
        label_en="Cross-channel customer id",
        group="channel",
        kind="code",
        sources=("person", "rule"),
        personal=True,
    ),
    FieldSpec(name="category", label="业务-渠道分类", label_en="Business and channel", group="channel", kind="path"),
    FieldSpec(
        name="service_status",
        label="服务进度",
        label_en="Service status",
        group="issue",
        kind="choice",
        choices=SERVICE_STATES,
    ),
    FieldSpec(name="offline_trace", label="线下行为轨迹", label_en="Offline trace", group="trace", many=True),
    FieldSpec(name="online_history", label="线上交互历史", label_en="Online history", group="trace", many=True),
    FieldSpec(name="next_actions", label="后续行动", label_en="Next actions", group="actions", many=True),
    FieldSpec(
        name="action_channels",
        label="行动渠道（按优先级）",
        label_en="Channels for them, first to last",
        group="actions",
        kind="choice",
        choices=ACTION_CHANNELS,
        open_choices=True,
        many=True,
    ),
    FieldSpec(name="coordinator.name", label="渠道协同人", label_en="Coordinator", group="actions"),
    FieldSpec(
        name="coordinator.staff_no",
        label="协同人工号",
        label_en="Coordinator's staff number",
        group="actions",
        kind="code",
    ),
    FieldSpec(
        name="store_result",
        label="门店对接结果",
        label_en="What the store did",
        group="actions",
        kind="notes",
        sources=("person",),
    ),
    FieldSpec(
        name="demand_tags",
        label="诉求标签",
        label_en="Demand",
        group="tags",
        kind="choice",
        choices=DEMANDS,
        open_choices=True,
        many=True,
    ),
    FieldSpec(name="persona_tags", label="客户画像标签", label_en="Persona", group="tags", many=True),
    FieldSpec(name="summary", label="通话小结", label_en="Summary", group="notes", kind="notes"),
    FieldSpec(name="culture_notes", label="文化要点", label_en="Culture notes", group="notes", kind="notes"),
    FieldSpec(name="notes", label="通话笔记", label_en="Notes", group="notes", kind="notes", sources=("person",)),
    FieldSpec(
        name="handed_off_at",
        label="转交门店时间",
        label_en="Handed to the store",
        group="times",
        kind="time",
        sources=("person", "rule"),
    ),
    FieldSpec(
        name="store_replied_at",
        label="门店回复时间",
        label_en="Store's answer",
        group="times",
        kind="time",
        sources=("person", "rule"),
    ),
    FieldSpec(
        name="started_at",
        label="通话开始",
        label_en="Call began",
        group="times",
        kind="time",
        edit=(),
        sources=("computed",),
    ),
    FieldSpec(
        name="ended_at",
        label="通话结束",
        label_en="Call ended",
        group="times",
        kind="time",
        edit=(),
        sources=("computed",),
    ),
    FieldSpec(
        name="response_min",
        label="跨渠道响应时长（分钟）",
        label_en="Cross-channel response, minutes",
        group="times",
        kind="number",
        edit=(),
        sources=("computed",),
    ),
)
"""The standard fields: what validation, the API, the desk and the export read. A field is added here, in the order in
which it is shown within its group; fields that one customer wants are added by configuration instead."""

RECORD_FIELDS = tuple(spec.name for spec in STANDARD_FIELDS)
"""Names of the standard fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSuggestion:
    """One finding. Of a field that holds several values a text is one more of them (``tags``), a tuple all of them in
    their order, as far as what finds them can tell. Nothing (None, or an empty tuple) takes back what a model or a rule
    said before."""

    field: str
    value: Value
    probability: float
    """Calibrated, 0..1."""
    evidence: tuple[str, ...]
    """Ids of the segments that show it."""
    model: str
    """Name and version of the model or rule set."""
    source: FieldSource = "model"
    fills: bool = True
    """Above the field's threshold: fills the field. Below it: only a suggestion."""
    replaces: str | None = None
    """For ``tags``: an earlier tag of the same kind that this one takes the place of (3次 becomes 4次)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldValue:
    """A field's present value and where it came from."""

    value: Value
    probability: float
    """1.0 for a person."""
    source: FieldSource
    by: str
    """The model's name, the rule's name, or the user who set it."""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field's change between two versions of a record."""

    field: str
    old: Value
    new: FieldValue | None
    """None: the field was cleared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """The record of one call. Versions count from 0 (empty); every change makes a new one."""

    call_id: str
    version: int = 0
    fields: Mapping[str, FieldValue] = field(default_factory=lambda: MappingProxyType({}))

    def value(self, name: str) -> Value:
        """The value of a field, None where it is not set."""
        held = self.fields.get(name)
        return None if held is None else held.value

    def apply(self, changes: Iterable[FieldChange], version: int) -> "CallRecord":
        """The record after ``changes``. The stored record is exactly this fold over the call's RecordUpdated events."""
        fields = dict(self.fields)
        for change in changes:
            if change.new is None:
                fields.pop(change.field, None)
            else:
                fields[change.field] = change.new
        return CallRecord(call_id=self.call_id, version=version, fields=MappingProxyType(fields))
