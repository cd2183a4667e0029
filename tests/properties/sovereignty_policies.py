"""Policies as somebody might write them: every way in which policy says where content may go, drawn at random."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from gateway_ext.exchange import CredentialClass
from gateway_ext.identity.rules import FrontEnd
from gateway_ext.policy.files import Directory
from gateway_ext.policy.loader import judge
from gateway_ext.policy.snapshot import Snapshot

TIERS = ("t0", "t1", "t2", "t3")
LAWS = ("US", "FR", "DE", "CH")
TEAMS = ("a", "b", "c")
DETECTORS = {"iban": "personal", "email": "personal", "aws_key": "secret", "github_token": "secret"}
MODELS = ("m0", "m1", "m2", "m3")
CLASSES = ("c0", "c1", "c2", "c3")
ENDPOINTS = ("/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings", "/v1/completions")
CONDITIONS = (
    "'c0' in data.classes",
    "!('sovereign' in data.classes)",
    "'c1' in data.labels",
    "'iban' in data.detectors",
    "caller.team == 'a'",
    "request.is_stream",
    "request.model == 'm1'",
    "budget.degraded",
)
FRONT_END = FrontEnd(
    *("page", "company", "page", "company"),
    asserts={"subject": "x-user"},
    is_required=False,
    labels_header="x-class",
    conversation_header="x-chat",
)

Written = dict[str, Any]
"""By file, without `.yaml`."""


def draw(random: Random) -> Written:
    """A policy without faults."""
    providers = {
        f"p{number}": {
            "url": f"https://p{number}.example/v1",
            "jurisdiction": random.choice(LAWS),
            "tier": random.choice(TIERS),
            "dialect": random.choice(("openai", "openai", "anthropic")),
        }
        for number in range(random.randint(2, 6))
    }
    models = {name: _model(random, name, list(providers)) for name in MODELS}
    in_turn = random.sample(MODELS, len(MODELS))
    for name, other in pairwise(in_turn):  # never in a circle
        if random.random() < 0.6:
            models[name]["otherwise"] = other
    for name in MODELS:
        if random.random() < 0.4:
            others = [other for other in MODELS if other != name]
            models[name]["shadow"] = {"model": random.choice(others), "share_percent": 100}
    clusters = [f"{each['provider']}/{each['model']}" for model in models.values() for each in model["deployments"]]
    return {
        "providers": {"providers": providers},
        "models": {"models": models},
        "routing": _routing(random, list(providers), clusters),
        "access": {"access": [_access(random, number) for number in range(random.randint(1, 3))]},
        "guard": {
            "classes": {name: _detector_rule(random) for name in ("personal", "secret")},
            "detectors": {name: _detector_rule(random) for name in DETECTORS if random.random() < 0.4},
        },
        "identity": {
            "issuers": {
                "company": {
                    "class": "sso",
                    "kind": "person",
                    "interfaces": ["public"],
                    "claims": {"subject": "sub", "team": "team"},
                    "required": ["team"],
                }
            }
        },
        "budgets": {
            "currency": "EUR",
            "timezone": "UTC",
            "budgets": [{"name": "all", "scope": "user", "amount": 9999}],
        },
    }


def compiled(written: Written) -> Snapshot:
    """As the gateway takes it, with a front end whose labels are believed. Raises PolicyError for a generator's fault."""
    files = {f"{name}.yaml": json.dumps(content).encode() for name, content in written.items()}
    snapshot = judge(Path("drawn"), Directory(files, (), ())).snapshot
    return replace(snapshot, identity=replace(snapshot.identity, front_ends={("company", "page"): FRONT_END}))


def _model(random: Random, name: str, providers: list[str]) -> dict[str, Any]:
    number = MODELS.index(name)
    serving = random.sample(providers, random.randint(1, min(4, len(providers))))
    # Of a name of its own, or of one that other models use, too.
    deployments: list[dict[str, Any]] = [
        {"provider": each, "model": random.choice((name, "shared")), "price": {"input": 1, "output": 1}}
        for each in serving
    ]
    model: dict[str, Any] = {
        "deployments": deployments,
        "context_tokens": 300 * (number + 1),
        "output_tokens_max": 64,
    }
    match random.choice(("", "", "weighted", "cheapest", "fastest", "complexity")):
        case "weighted":
            model["strategy"] = {"by": "weighted", "sticky_by": random.choice(("caller", "conversation", "none"))}
            for each in deployments:
                each["weight"] = random.randint(1, 9)
        case "complexity":
            model["strategy"] = {"by": "complexity"}
            deployments[0]["for"] = random.choice(("simple", "complex"))
        case "":
            pass
        case by:
            model["strategy"] = {"by": by}
    if number + 1 < len(MODELS):
        for key in ("degrade_to", "larger"):
            if random.random() < 0.4:
                model[key] = random.choice(MODELS[number + 1 :])
    return model


def _routing(random: Random, providers: list[str], clusters: list[str]) -> dict[str, Any]:
    routing: dict[str, Any] = {
        "tiers": list(TIERS),
        "sovereign": {"tiers": _some(random, TIERS), "jurisdictions": _some(random, LAWS)},
        "rules": [_rule(random, number, providers, clusters) for number in range(random.randint(0, 4))],
    }
    classes: dict[str, Any] = {}
    for number, name in enumerate(CLASSES):
        source: dict[str, Any] = {"detectors": _some(random, DETECTORS), "labels": [f"label-{number}"]}
        if random.random() < 0.2:
            source["actions"] = [random.choice(("log", "redact"))]
        each: dict[str, Any] = {"from": source, "sticky": random.random() < 0.5}
        if random.random() < 0.6:
            each["allow"] = _selector(random, providers, clusters)
        if implied := [other for other in CLASSES[number + 1 :] if random.random() < 0.3]:
            each["implies"] = implied
        classes[name] = each
    said: dict[str, Any] = {
        "classes": classes,
        "counts_redacted": random.random() < 0.5,
        "unknown_history": random.choice(("sovereign", "allow", "refuse")),
    }
    if random.random() < 0.4:
        said["default"] = random.choice(CLASSES)
    if random.random() < 0.3:
        said["defaults"] = [{"class": random.choice(CLASSES), "teams": [random.choice(TEAMS)]}]
    return {**routing, "data_classes": said}


def _rule(random: Random, number: int, providers: list[str], clusters: list[str]) -> dict[str, Any]:
    rule: dict[str, Any] = {"name": f"r{number}", "stop": random.random() < 0.3}
    if random.random() < 0.4:
        rule["models"] = _some(random, MODELS)
    if random.random() < 0.6:
        rule["when"] = random.choice(CONDITIONS)
    effect = random.choice(("only", "without", "without", *["prefer"] * 4, "deny"))
    return {**rule, effect: "Not here." if effect == "deny" else _selector(random, providers, clusters)}


def _selector(random: Random, providers: list[str], clusters: list[str]) -> dict[str, Any]:
    conditions = {
        "tiers": _some(random, TIERS),
        "at_least": random.choice(TIERS),
        "jurisdictions": _some(random, (*LAWS, "EU")),
        "providers": _some(random, providers),
        "deployments": _some(random, sorted(set(clusters))),
    }
    return {key: conditions[key] for key in random.sample(list(conditions), random.choice((1, 1, 2)))}


def _access(random: Random, number: int) -> dict[str, Any]:
    rule: dict[str, Any] = {"name": f"a{number}", "models": ["*"], "credential_classes": [CredentialClass.SSO.value]}
    if not number and random.random() < 0.6:
        return rule
    if random.random() < 0.3:
        rule["models"] = _some(random, MODELS)
    if random.random() < 0.4:
        rule["teams"] = _some(random, TEAMS)
    if random.random() < 0.3:
        rule["tiers"] = _some(random, TIERS)
    if random.random() < 0.2:
        rule["endpoints"] = _some(random, ENDPOINTS)
    return rule


def _detector_rule(random: Random) -> dict[str, Any]:
    return {
        "action": random.choice((*["log"] * 6, *["redact"] * 5, "block")),
        "sovereign": random.random() < 0.25,
    }


def _some(random: Random, of: Any) -> list[str]:
    everything = list(of)
    return random.sample(everything, random.randint(1, len(everything)))
