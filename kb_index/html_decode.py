"""The text of a page, by its byte order mark, by what it declares, or by what makes sense."""

import re

from callcue.core.errors import BadInput
from kb_index.formats import plausible_gbk

_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_LOOKED_AT = 4096
"""Bytes in which a page declares its encoding (HTML: 1024; exports put comments before it)."""
_CODECS = {
    **dict.fromkeys(("utf-8", "utf8"), "utf-8"),
    **dict.fromkeys(("gbk", "gb2312", "gb18030", "x-gbk"), "gb18030"),
    **dict.fromkeys(("big5", "big5-hkscs", "cn-big5"), "big5hkscs"),
    **dict.fromkeys(("iso-8859-1", "latin1", "windows-1252", "cp1252", "us-ascii"), "cp1252"),
}
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decode_page(data: bytes) -> str:
    """Raises BadInput for a page in no known encoding. A wrong declaration is seen through where the text says so."""
    marked = next((codec for mark, codec in _MARKS if data.startswith(mark)), None)
    if marked is not None:
        text = _try(data, marked)
        if text is None:
            raise BadInput("begins with a byte order mark and is not the text that it promises; save it as UTF-8")
        return text
    found = _DECLARED.search(data[:_LOOKED_AT])
    declared = _CODECS.get(found[1].decode("ascii").lower()) if found else None
    utf8 = _try(data, "utf-8")
    if utf8 is not None:  # text that is not UTF-8 hardly ever reads as UTF-8
        return utf8
    for codec in filter(None, (declared, "gb18030")):
        text = _try(data, codec)
        if text is not None and (codec == declared or plausible_gbk(text)):
            return text
    raise BadInput("is neither UTF-8 nor in the encoding that it declares; save it as UTF-8")


def _try(data: bytes, codec: str) -> str | None:
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text
