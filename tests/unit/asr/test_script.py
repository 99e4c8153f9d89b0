"""Simplified characters out, and no harm to what is simplified already."""

import pytest

from asr.script import to_simplified


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("我的帳單有問題", "我的账单有问题"),
        ("查一下帐户和帐号", "查一下账户和账号"),
        ("买了一顶帐篷和蚊帐", "买了一顶帐篷和蚊帐"),
        ("軟體和網路", "软件和网络"),
        ("甚麼時候發貨", "什么时候发货"),
        ("延長各類設施使用年限", "延长各类设施使用年限"),
        ("土豆多少钱", "土豆多少钱"),
        ("用PayPal付款", "用PayPal付款"),
        ("hello", "hello"),
        ("", ""),
    ],
)
def test_folding(raw: str, folded: str) -> None:
    assert to_simplified(raw) == folded
    assert to_simplified(folded) == folded
