"""Orders as they arrive: a row of CSV or a JSON object into an Order, or what is wrong with it."""

import csv
import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from callcue.core.errors import BadInput
from callcue.core.orders import Order

if TYPE_CHECKING:
    import _csv

_NAMES = {
    "order_no": "order_no",
    "订单号": "order_no",
    "ordered_on": "ordered_on",
    "下单日期": "ordered_on",
    "购买日期": "ordered_on",
    "phone": "phone",
    "手机号": "phone",
    "电话": "phone",
    "products": "products",
    "商品": "products",
    "amount": "amount",
    "金额": "amount",
    "status": "status",
    "状态": "status",
}
"""Names of columns, and the field that each is."""
FIELDS = ("order_no", "ordered_on", "phone", "products", "amount", "status")
MOST_ROWS = 1_000_000
MOST_SHOWN = 20
_MOST_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderProblem:
    """One row that cannot be used."""

    line: int
    """Of the file, from 1; the header is line 1."""
    message: str


def read_orders(data: bytes) -> tuple[list[Order], list[OrderProblem]]:
    """The orders of a CSV file (UTF-8, comma, header) and its problems. Raises BadInput for a file that is none."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"the file is not UTF-8 (byte {error.start}); save it as CSV UTF-8") from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [_NAMES.get(name.strip(), name.strip()) for name in next(rows, [])]
        _check_header(header)
        return _read_rows(rows, header)
    except csv.Error as error:
        raise BadInput(f"line {rows.line_num} is not CSV: {error}") from None


def _check_header(header: list[str]) -> None:
    missing = [name for name in ("order_no", "ordered_on") if name not in header]
    strange = [name[:40] for name in header if name not in FIELDS]
    twice = sorted({name for name in header if header.count(name) > 1})
    if missing:
        raise BadInput(f"the header lacks {', '.join(missing)}; it takes {', '.join(FIELDS)}")
    if strange:
        raise BadInput(f"the header has unknown columns ({', '.join(strange)}); it takes {', '.join(FIELDS)}")
    if twice:
        raise BadInput(f"the header names {', '.join(twice)} twice")


def _read_rows(rows: "_csv.Reader", header: list[str]) -> tuple[list[Order], list[OrderProblem]]:
    orders: dict[str, Order] = {}
    lines: dict[str, int] = {}
    problems: list[OrderProblem] = []
    for row in rows:
        line = rows.line_num
        if not any(cell.strip() for cell in row):
            continue
        if line > MOST_ROWS:
            raise BadInput(f"more than {MOST_ROWS:,} lines; import them in several files")
        try:
            if len(row) != len(header):
                raise BadInput(f"{len(row)} values for {len(header)} columns")
            order = read_order(dict(zip(header, row, strict=True)))
            if order.order_no in orders:
                raise BadInput(f"order_no is the one of line {lines[order.order_no]}")
        except BadInput as error:
            problems.append(OrderProblem(line=line, message=error.message))
            continue
        orders[order.order_no], lines[order.order_no] = order, line
    return list(orders.values()), problems


def read_order(values: Mapping[str, object]) -> Order:
    """One order of named values; those it does not know are left. Raises BadInput that names the field."""
    ordered_on = _text(values, "ordered_on")[:10].replace("/", "-")
    try:
        day = date.fromisoformat(ordered_on)
    except ValueError:
        raise BadInput("ordered_on is no date: give YYYY-MM-DD") from None
    return Order(
        order_no=order_number(_text(values, "order_no")),
        ordered_on=day.isoformat(),
        phone=_phone(_text(values, "phone")),
        products=_products(values.get("products")),
        amount=_amount(_text(values, "amount")),
        status=_text(values, "status"),
    )


def order_number(text: str) -> str:
    """Letters and digits of an order number, in capitals. Raises BadInput."""
    plain = re.sub(r"[\s\-_]", "", unicodedata.normalize("NFKC", text)).upper()
    if not re.fullmatch(r"[A-Z0-9]{4,32}", plain):
        raise BadInput("order_no is not made of 4 to 32 letters and digits")
    return plain


def _text(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadInput(f"{name} is no text")
    text = str(value).strip()
    if len(text) > _MOST_TEXT or any(not char.isprintable() for char in text):
        raise BadInput(f"{name} has more than {_MOST_TEXT} characters, or one that cannot be shown")
    return text


def _phone(text: str) -> str:
    digits = re.sub(r"[\s\-+()]", "", text)
    if digits and not re.fullmatch(r"\d{5,15}", digits):
        raise BadInput("phone is no number of 5 to 15 digits")
    return digits.removeprefix("86") if len(digits) == 13 else digits


def _products(value: object) -> tuple[str, ...]:
    names = re.split(r"[;；|]", value) if isinstance(value, str) else value if isinstance(value, list) else []
    kept = [_text({"products": name}, "products") for name in names]
    return tuple(name for name in kept if name)[:50]


_MONEY = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,4})?")


def _amount(text: str) -> str:
    plain = text.replace(",", "").lstrip("¥￥$")
    if not plain:
        return ""
    if not _MONEY.fullmatch(plain):
        raise BadInput("amount is no sum of money: give a plain number such as 1299.00")
    return format(Decimal(plain).normalize(), "f")
