from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event
from gateway_ext.wire import audit_pb2

DECISION = Event(
    id="r-1",
    name="request:decision:forwarded",
    exchange_id="e1",
    processor="p0",
    sequence=1,
    run_id="r",
    schema_version=1,
    decision=audit_pb2.Decision(
        action="forward",
        endpoint="/v1/embeddings",
        model="small",
        principal=audit_pb2.Principal(subject="u1", groups=["a"]),
        findings=[audit_pb2.Finding(detector="email", data_class="personal", start=1, end=2, confidence=0.5)],
        candidates=[audit_pb2.Candidate(cluster="eu-1", provider="openai"), audit_pb2.Candidate(cluster="eu-2")],
    ),
)
OUTCOME = Event(
    id="r-2",
    name="request:outcome:settled",
    outcome=audit_pb2.Outcome(http_status=200, provider="openai", model="small-1", cost_nano=5, currency="EUR"),
)


def test_a_decision_uses_opentelemetry_s_names() -> None:
    values = semconv.attributes(DECISION)
    assert values["gen_ai.operation.name"] == "embeddings"
    assert values["gen_ai.request.model"] == "small"
    assert values["gen_ai.provider.name"] == "openai"
    assert values["gateway.record.id"] == "r-1"
    assert values["gateway.route.candidates"] == ["eu-1", "eu-2"]
    findings = values["gateway.guard.findings"]
    assert isinstance(findings, list)
    assert findings[0]["data_class"] == "personal"


def test_what_has_nothing_to_say_is_left_out_but_zero_and_false_are_said() -> None:
    values = semconv.attributes(DECISION)
    assert "gateway.principal.team" not in values
    assert "http.response.status_code" not in values
    assert values["gateway.guard.redactions"] == 0
    assert values["gateway.route.sovereign"] is False


def test_unknown_usage_is_not_zero_usage() -> None:
    assert not [name for name in semconv.attributes(OUTCOME) if name.startswith("gen_ai.usage")]
    OUTCOME.outcome.input_tokens = 3
    values = semconv.attributes(OUTCOME)
    assert (values["gen_ai.usage.input_tokens"], values["gen_ai.usage.output_tokens"]) == (3, 0)


def test_every_field_of_a_record_is_exported() -> None:
    """Fill every field with something of its own and look for it among the attributes."""
    decision = audit_pb2.Decision(principal=audit_pb2.Principal(), findings=[audit_pb2.Finding()])
    expected = set[object]()
    order, outcome, alert = audit_pb2.Order(), OUTCOME.outcome, audit_pb2.Alert()
    for number, message in enumerate((decision, decision.principal, decision.findings[0], outcome, order, alert)):
        for field in message.DESCRIPTOR.fields:
            unique = 1_000 * (number + 1) + field.number
            value: object
            if field.type in (field.TYPE_MESSAGE, field.TYPE_BOOL, field.TYPE_BYTES):  # what is sealed stays here
                continue
            if field.type == field.TYPE_STRING and field.is_repeated:
                value = str(unique)
                getattr(message, field.name).append(value)
            else:
                value = str(unique) if field.type == field.TYPE_STRING else unique
                setattr(message, field.name, value)
            expected.add(value)
    events = (Event(decision=decision), Event(outcome=outcome), Event(order=order), Event(alert=alert))
    exported = "".join(repr(semconv.attributes(event)) for event in events)
    assert {value for value in expected if str(value) not in exported} == set()


def test_refusals_stand_out() -> None:
    assert not semconv.is_noteworthy(DECISION)
    assert semconv.is_noteworthy(Event(name="request:decision:refused"))
