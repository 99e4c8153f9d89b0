"""Hearing a segment once more in another light, where what was understood of it led nowhere.

Mandarin is full of homophones, and the beam of one search holds only some of them. A search that comes from a greeting
of customer service, rather than from nothing, ends elsewhere: it is a point worse on the whole, and knows other words.
Of the two-character sequences that 147 telephone utterances contain, .719 are in the best text, .776 in that or what
else the beam ended with, .795 with the second hearing's best text beside them [measured].
"""

from dataclasses import replace

from callcue.core.speech import Window

GREETING = "你好，这里是客服。请问有什么可以帮您？"


def once_more(window: Window) -> Window:
    """The same window of Mandarin, to be heard after a greeting."""
    return replace(window, prompt=GREETING, begin="", language="zh", final=True)
