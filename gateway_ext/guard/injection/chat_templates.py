"""Control tokens and turn markers of chat templates: written into a text, they end it and begin a turn of their own.

Tokens as in the published tokenizer configurations of ChatML, Llama 2 to 4, Mistral, Gemma, Phi, Command R, DeepSeek.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.catalog import INJECTION
from gateway_ext.guard.detector import Detector, Span

_TOKEN = re.compile(
    r"<\|(?:im_(?:start|end|sep)|endoftext|endofprompt|startoftext|(?:start|end)_header_id|header_(?:start|end)|eot(?:_id)?|eom_id"
    r"|begin_of_text|end_of_text|python_tag|system|user|assistant|end|channel|message|constrain|return"
    r"|(?:START|END)_OF_TURN_TOKEN|(?:SYSTEM|USER|CHATBOT)_TOKEN)\|>"
    r"|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\]|\[TOOL_CALLS\]"
    r"|<｜(?:begin▁of▁sentence|end▁of▁sentence|User|Assistant|tool▁calls▁begin)｜>",
    re.ASCII,
)
_HEADING = re.compile(r"^#{2,4} ?(?:System|SYSTEM)(?: (?:Prompt|Message|Instructions?))? ?:", re.ASCII | re.MULTILINE)
# The older turn markers are words: only a turn of each side, apart from the text before it, is an attempt.
_TURN = re.compile(r"^(?:Human|H|User): ", re.ASCII | re.MULTILINE)
_ANSWER = re.compile(r"\n\n(?:Assistant|A|AI):")
_TURN_CHARACTERS_MAX = 2_000


class ChatTemplateDetector(Detector):
    name = "injection_chat_template"
    version = "1"
    data_class = INJECTION
    patterns = (_TOKEN, _HEADING, _TURN)

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        for pattern in (_TOKEN, _HEADING):
            for match in pattern.finditer(text, start, end):
                yield Span(*match.span(), 0.95, match[0])
        for match in _TURN.finditer(text, start, end):
            answer = _ANSWER.search(text, match.end(), match.end() + _TURN_CHARACTERS_MAX)
            if text.endswith("\n\n", 0, match.start()) and answer:
                yield Span(match.start(), answer.end(), 0.7, match[0])
