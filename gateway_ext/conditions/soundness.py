"""What the type checker lets pass and would yet fail, or take long, with every request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cel_expr_python import cel
from google.protobuf.any_pb2 import Any as Wrapped
from google.protobuf.message import Message

from gateway_ext.wire.cel_pb2 import CheckedExpr, Expr

# Those of the standard library that take a time zone. https://github.com/google/cel-spec/blob/master/doc/langdef.md
_OF_A_ZONE = frozenset(
    f"get{part}"
    for part in (
        *("FullYear", "Month", "Date", "DayOfMonth", "DayOfWeek", "DayOfYear"),
        *("Hours", "Minutes", "Seconds", "Milliseconds"),
    )
)
_ENVIRONMENT = cel.NewEnv(variables={"text": cel.Type.STRING})
_AS_PATTERN = _ENVIRONMENT.compile("''.matches(text)")
_AS_ZONE = _ENVIRONMENT.compile("timestamp(0).getHours(text)")


def unsound(checked: bytes) -> str | None:
    """What is wrong with a checked expression, in words, as serialized by the compiler; None: nothing."""
    wrapped = Wrapped.FromString(checked)
    return next(_faults(CheckedExpr.FromString(wrapped.value).expr, is_repeated=False), None)


def _faults(expr: Expr, *, is_repeated: bool) -> Iterator[str]:
    if expr.HasField("call_expr"):
        yield from _call_faults(expr.call_expr)
    if expr.HasField("comprehension_expr"):
        if is_repeated:
            yield "has a macro within a macro, which takes longer than a request should wait; write two rules"
        is_repeated = True
    for part in _parts(expr):
        yield from _faults(part, is_repeated=is_repeated)


def _call_faults(call: Expr.Call) -> Iterator[str]:
    # As a function, matches(text, pattern), or of its text, text.matches(pattern): the pattern comes last.
    if call.function == "matches":
        yield from _literal_faults(call.args[-1], "a pattern", "is not a regular expression (RE2)", _AS_PATTERN)
    if call.function in _OF_A_ZONE and call.args:
        yield from _literal_faults(
            call.args[-1], "a time zone", "is not a time zone of this machine's IANA database", _AS_ZONE
        )


def _literal_faults(argument: Expr, kind: str, otherwise: str, probe: Any) -> Iterator[str]:
    if not argument.const_expr.HasField("string_value"):
        yield f"computes {kind}; write it as text"
        return
    text = argument.const_expr.string_value
    if probe.eval(data={"text": text}).type() == cel.Type.ERROR:
        yield f"has '{text}', which {otherwise}"


def _parts(message: Message) -> Iterator[Expr]:
    """The expressions right below `message`, whatever kind it is of."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        for each in value if descriptor.is_repeated else (value,):
            if isinstance(each, Expr):
                yield each
            else:
                yield from _parts(each)
