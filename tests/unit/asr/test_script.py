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
        ("帮我查一下 iPhone 15 Pro Max 的保修", "帮我查一下 iPhone 15 Pro Max 的保修"),
        ("我的 order number 是 A B 一二三", "我的 order number 是 A B 一二三"),
        ("幫我查一下 iPhone 15 Pro Max 的保修", "帮我查一下 iPhone 15 Pro Max 的保修"),
        ("這個 app 的 Wi-Fi 設定在哪裡？I can't find it.", "这个 app 的 Wi-Fi 设置在哪里？I can't find it."),
        ("hello", "hello"),
        ("", ""),
    ],
)
def test_folding(raw: str, folded: str) -> None:
    assert to_simplified(raw) == folded
    assert to_simplified(folded) == folded
