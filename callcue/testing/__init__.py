"""Public fakes for the ports, a virtual clock and scripted calls, for the tests of CallCue and of what is built on it.

The fakes are held to the same contract tests as the real implementations (``tests/contract``).
"""

from callcue.testing.calls import ScriptedCall, ScriptedLine
from callcue.testing.clock import ManualClock
from callcue.testing.embedder import HashEmbedder
from callcue.testing.engine import ScriptedEngine
from callcue.testing.voice import FakeVoiceActivity

__all__ = ["FakeVoiceActivity", "HashEmbedder", "ManualClock", "ScriptedCall", "ScriptedEngine", "ScriptedLine"]
