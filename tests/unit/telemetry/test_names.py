"""The documentation names every attribute of metrics and spans, and nothing else; no name is about a person."""

from __future__ import annotations

import re
from pathlib import Path

from gateway_ext.audit import semconv
from gateway_ext.telemetry import names

DOCUMENT = (Path(__file__).parents[3] / "docs" / "telemetry.md").read_text()
NAME = re.compile(r"`((?:gateway|gen_ai|http|url|error)\.[a-z_.]+)`")
METRICS = {metric.name for metric in (*names.COUNTERS, *names.HISTOGRAMS, *names.GAUGES)}
ATTRIBUTES = {
    value for key, value in vars(names).items() if key.isupper() and isinstance(value, str) and key != "SCOPE"
} | {semconv.ACTION, semconv.REASON, semconv.REQUEST_MODEL, semconv.RESPONSE_MODEL, semconv.CURRENCY, semconv.PROCESS}


def test_every_name_is_documented() -> None:
    assert set(NAME.findall(DOCUMENT)) == METRICS | ATTRIBUTES | names.ON_SPANS


def test_spans_take_over_what_the_trail_has() -> None:
    assert {name for name in names.ON_SPANS if f'"{name}"' not in Path(semconv.__file__).read_text()} == set()


def test_none_is_about_a_person() -> None:
    personal = {"subject", "email", "credential", "address", "groups", "agent_run", "issuer", "front_end", "place"}
    found = {part for name in METRICS | ATTRIBUTES | names.ON_SPANS for part in re.split(r"[._]", name)}
    assert found & personal == set()
    assert not any(name.endswith(("agent_run", "front_end")) for name in names.ON_SPANS)
