"""Step 5: the request as it goes out, in the wire format of the deployments that it may go to.

Where all of them speak one format, the body that Envoy gets is in it. Where they differ it stays in the caller's, and each
attempt at one of another format is translated on its way (`Pipeline.retarget`): nothing is ever translated twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from gateway_ext.dialects import output_limits, requests
from gateway_ext.dialects.field_names import FieldNames, as_named
from gateway_ext.dialects.rate_limits import rate_limit_fields
from gateway_ext.dialects.strict_json import encode, parse_object
from gateway_ext.dialects.translation.contract import Thinking, Traits
from gateway_ext.dialects.translation.translate import Translation, translate_request
from gateway_ext.errors import NotTranslatable
from gateway_ext.exchange import Candidate, Endpoint, Forward, Prompt
from gateway_ext.routing.rules import RoutingRules, VirtualModel
from gateway_ext.steps.holding import Held
from gateway_ext.verdict import Allow, Redact

Translations = Mapping[str, Translation]
"""By cluster: how an answer of that deployment is translated back. Absent: it speaks the caller's wire format."""


def forward(
    prompt: Prompt,
    verdict: Allow | Redact,
    candidates: tuple[Candidate, ...],
    reasons: Sequence[str],
    held: Held,
    rules: RoutingRules,
    changed: bytes | None,
    now_seconds: int,
) -> tuple[Forward, Translations]:
    """What goes to the model, by a route that has `reasons`.

    `changed`: the body that was inspected, where it is not the one that came, because that was coded or too long. What goes
    out always says how long the answer may be: what is held is of no use if the provider does not know. Deployments that
    cannot be told all that the request says are left out. Raises NotTranslatable when that leaves none.
    """
    model, fitted = held.model, held.fitted
    output_tokens = fitted.estimate.output_tokens // prompt.choices
    edits = verdict.edits if isinstance(verdict, Redact) else ()
    limit = output_limits.changes(prompt, output_tokens, model.output_tokens_field)
    rewritten = partial(requests.rewrite, prompt, edits=edits, fields=limit, include_usage=prompt.is_stream)
    plan = _plan(prompt, held, reasons)
    wires = {each.cluster: _wire(each, prompt.endpoint) for each in candidates}
    if all(wire is prompt.endpoint for wire in wires.values()):
        body = rewritten(model=candidates[0].model)
        forward = Forward(
            changed if body is None else body, candidates, plan, drop_content_encoding=changed is not None
        )
        return _as_named(forward, prompt, rules), {}

    plain = requests.drafted(prompt, model=None, include_usage=False, edits=edits, fields=limit).document
    said, translations = _translated(plain, prompt.endpoint, wires.values(), traits_of(model), rules, now_seconds)
    told = tuple(each for each in candidates if wires[each.cluster] in said)
    formats = {wires[each.cluster] for each in told}
    body_format = formats.pop() if len(formats) == 1 else prompt.endpoint
    body = rewritten(model=told[0].model) if body_format is prompt.endpoint else None
    forward = Forward(
        body or encode({**said.get(body_format, plain), "model": told[0].model}),
        told,
        {
            **plan,
            "format": body_format.value,
            "wires": {each.cluster: wires[each.cluster].value for each in told},
            "output_tokens_field": model.output_tokens_field,
            "thinking": model.thinking,
        },
        drop_content_encoding=changed is not None,
        retargets_first=wires[told[0].cluster] is not body_format,
    )
    return _as_named(forward, prompt, rules), {
        each.cluster: translations[wires[each.cluster]] for each in told if wires[each.cluster] in translations
    }


def retargeted(plan: Mapping[str, Any], cluster: str, body: bytes, rules: RoutingRules) -> bytes:
    """`body` for an attempt at `cluster`, as the plan of `forward` has it. Raises KeyError when that does not name it."""
    model: str = plan["models"][cluster]
    names: FieldNames = plan.get("field_names", {}).get(cluster, {})
    body_format = plan.get("format")
    if body_format is None or (wire := plan["wires"][cluster]) == body_format:
        return requests.replace_model(body, model, names)
    translated, _ = translate_request(
        {**parse_object(body), "model": model},
        Endpoint(body_format),
        Endpoint(wire),
        traits=Traits(plan["output_tokens_field"], Thinking(plan["thinking"])),
        keeps_unknown=rules.keeps_unknown_fields,
        asked_at_seconds=0,  # the way back was made when the request was decided
    )
    return encode(as_named(translated, names))


def _as_named(forward: Forward, prompt: Prompt, rules: RoutingRules) -> Forward:
    """With the fields as each provider calls them: in the body, where all call them the same, else on the way to each."""
    names = {each.cluster: dict(rules.providers[each.provider].field_names) for each in forward.candidates}
    first = forward.candidates[0]
    if not any(names.values()):
        return forward
    if all(each == names[first.cluster] for each in names.values()):
        body = encode(prompt.document) if forward.body is None else forward.body
        return replace(forward, body=requests.replace_model(body, first.model, names[first.cluster]))
    return replace(
        forward,
        plan={**forward.plan, "field_names": {cluster: each for cluster, each in names.items() if each}},
        retargets_first=forward.retargets_first or bool(names[first.cluster]),
    )


def traits_of(model: VirtualModel) -> Traits:
    """How deployments of `model` want to be asked."""
    return Traits(model.output_tokens_field, Thinking(model.thinking))


def _translated(
    document: Mapping[str, Any],
    source: Endpoint,
    wires: Iterable[Endpoint],
    traits: Traits,
    rules: RoutingRules,
    now_seconds: int,
) -> tuple[dict[Endpoint, Mapping[str, Any]], dict[Endpoint, Translation]]:
    """The request in each format it can be said in, never none; and the way back from those that are not the caller's."""
    said: dict[Endpoint, Mapping[str, Any]] = {}
    translations: dict[Endpoint, Translation] = {}
    refusals: list[NotTranslatable] = []
    for wire in dict.fromkeys(wires):
        if wire is source:
            said[wire] = document
            continue
        try:
            translated, translations[wire] = translate_request(
                document,
                source,
                wire,
                traits=traits,
                keeps_unknown=rules.keeps_unknown_fields,
                asked_at_seconds=now_seconds,
            )
        except NotTranslatable as refusal:
            refusals.append(refusal)
        else:
            said[wire] = translated
    if not said:
        raise refusals[0]
    return said, translations


def _plan(prompt: Prompt, held: Held, reasons: Sequence[str]) -> dict[str, Any]:
    fitted, hold = held.fitted, held.fitted.hold
    return {
        "id": hold.id,  # a hold has the id of its exchange
        "hold": hold.id,
        "path": prompt.endpoint.value.removeprefix("/v1"),
        "input_tokens_max": fitted.estimate.input_tokens,
        "output_tokens_max": fitted.estimate.output_tokens,
        **({"route": ", ".join(reasons)} if reasons else {}),
        **({"context": held.context} if held.context else {}),
        **({"output_cap": str(fitted.output_cap)} if fitted.output_cap else {}),
        **({"degraded_from": prompt.model} if held.is_degraded else {}),
        **({"limits": rate_limit_fields(prompt.endpoint.dialect, hold.quotas)} if hold.quotas else {}),
    }


def _wire(candidate: Candidate, endpoint: Endpoint) -> Endpoint:
    wire = candidate.wire(endpoint)
    assert wire is not None, "routing leaves no deployment that the endpoint cannot reach"
    return wire
