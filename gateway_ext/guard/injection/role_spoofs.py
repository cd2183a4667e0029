"""Retrieved content that speaks as somebody else: as the system, or to the model. Only in texts of tools.

What a tool returns is data. Orders in it, messages with a role of their own and calls of tools are an indirect
injection (OWASP LLM01, MITRE ATLAS AML.T0051.001).
"""

from __future__ import annotations

from gateway_ext.guard.injection.phrases import PhraseDetector, gap

_ORDER = r"(?:ignor|disregard|forget|you must|you are now|you should|from now on|new (?:instruction|task)|override|do not tell|immediately|stop what)"
_MODEL = r"(?:ai|llm|ais|llms|(?:ai |virtual |digital )?(?:assistants?|agents?)|(?:ai|language) models?|chat ?bots?|chatgpt|claude|copilot|gemini)"

ROLE_SPOOFS = (
    rf"^\W{{0,8}}(?:system|developer|admin(?:istrator)?)(?: (?:message|prompt|note|notice|override|instruction|alert))?s?\W{{0,3}}:[^\n]{{0,80}}?{_ORDER}",
    r"[\"']role[\"']\s{0,4}:\s{0,4}[\"'](?:system|developer)[\"']",
    r"[\"']tool_calls[\"']\s{0,4}:\s{0,4}\[|<(?:tool_call|function_calls?|tool_use)>|<invoke name=",
    rf"(?:note|notice|message|attention|instructions?|important|reminder)[ \t](?:to|for)[ \t](?:(?:the|all|any|every|you,?)[ \t])?{_MODEL}\b[^\n]?[:,.]",
    rf"\b(?:hey|hello|dear|attention),? {_MODEL}\b[,:!]",
    rf"{_MODEL}s?[ \t]{{1,3}}(?:reading|processing|parsing|summari[sz]ing|that reads?|who reads?){gap(0)}this\b",
    r"\b(?:this is an important message from|before you (?:can )?(?:solve|complete|continue with)) (?:me|the (?:user|original|initial|main))\b",
)


def role_spoof_detector() -> PhraseDetector:
    return PhraseDetector("injection_role_spoof", "1", 0.85, ROLE_SPOOFS)
