"""`gateway-ext guard test`: what the Guard finds in a text or a request, and what policy makes of it. Sends nothing."""

from __future__ import annotations

import argparse
import asyncio
import json
from functools import partial

from gateway_ext.attachments.opener import Opener
from gateway_ext.cli import guard_arguments, guard_input
from gateway_ext.cli.guard_input import Input
from gateway_ext.cli.guard_loading import loaded_guard
from gateway_ext.cli.guard_trial import Trial, as_json, print_trial
from gateway_ext.clock import SystemClock
from gateway_ext.conditions.facts import guard_facts
from gateway_ext.errors import ConfigurationError, ContentUnreadable, Refusal
from gateway_ext.exchange import CredentialClass, Endpoint, Principal, Prompt, Text
from gateway_ext.guard.rules import GuardRules
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.routing.plan import find_model, serving
from gateway_ext.settings import Settings, load_settings

SUMMARY = "what the Guard finds in a text or a request body, and what policy makes of it"
DESCRIPTION = (
    "Runs the Guard of this state directory under a policy, offline. A JSON object with 'messages', 'prompt' or 'input' is "
    "read as a request, anything else as one text. Exit code 1 when policy would block it."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    parser.description = DESCRIPTION
    parser.add_argument("input", metavar="FILE|TEXT|-", help="a file, a text, or - for standard input")
    parser.add_argument("--role", choices=guard_input.ROLES, help="read it as one text of this role (default: user)")
    parser.add_argument("--endpoint", choices=guard_input.ENDPOINTS, help="read it as a request to this endpoint")
    parser.add_argument("--answer", action="store_true", help="judge it as a model's answer, by the rules for those")
    parser.add_argument("--model", help="asked for, where a request does not say; overrides may go by its tier")
    caller = parser.add_argument_group("the caller, whom overrides and allowed values may go by")
    caller.add_argument("--subject", default="demo@local")
    caller.add_argument("--team", default="")
    caller.add_argument("--group", action="append", default=[], help="may be given several times")
    caller.add_argument("--application", default="")
    caller.add_argument("--credential-class", default="personal", choices=[each.value for each in CredentialClass])
    parser.add_argument("--json", action="store_true", help="print one JSON object, without values")
    parser.add_argument("--show-values", action="store_true", help="with --json: also what was found")
    guard_arguments.add_state(parser, with_policies=True)


def run(options: argparse.Namespace) -> int:
    """1 when it would be blocked, else 0. Raises ConfigurationError."""
    settings = load_settings(options.settings, state_dir=options.state, policies_dir=options.policies)
    snapshot = load_policy(settings.policies_dir)
    endpoint = None if options.endpoint is None else Endpoint(options.endpoint)
    role = options.role or ("assistant" if options.answer else None)
    given = guard_input.read(options.input, role, endpoint)
    trial = _tried(given, snapshot, _rules(options, given, snapshot), settings)
    if options.json:
        print(json.dumps(as_json(trial, with_values=options.show_values), indent=2))
    else:
        print_trial(trial)
    return 1 if trial.is_blocked else 0


def _rules(options: argparse.Namespace, given: Input, snapshot: Snapshot) -> GuardRules:
    principal = Principal(
        subject=options.subject,
        kind="service" if options.credential_class == CredentialClass.SERVICE else "person",
        issuer="",
        credential_class=CredentialClass(options.credential_class),
        credential_id="",
        team=options.team,
        application=options.application,
        groups=frozenset(options.group),
    )
    tiers = _tiers(options.model, given.prompt, snapshot)
    now_unix_nano = SystemClock().now_unix_nano()
    facts = partial(guard_facts, principal, options.model or given.prompt.model, given.prompt, now_unix_nano)
    if options.answer:
        return snapshot.guard.for_response(principal, tiers, now_unix_nano, facts)
    can_restore = not given.prompt.continues_elsewhere
    return snapshot.guard.for_request(principal, tiers, now_unix_nano, facts, can_restore=can_restore)


def _tiers(asked: str | None, prompt: Prompt, snapshot: Snapshot) -> frozenset[str]:
    """Where the model may be served. Unknown for one that policy does not have: then no override by tier applies."""
    if asked is not None and asked not in snapshot.routing.models:
        raise ConfigurationError(f"--model: policy has {', '.join(sorted(snapshot.routing.models))}")
    try:
        return serving(find_model(asked or prompt.model, snapshot.routing), prompt.endpoint).tiers
    except Refusal:
        return frozenset()


def _tried(given: Input, snapshot: Snapshot, rules: GuardRules, settings: Settings) -> Trial:
    verdict, refusal, texts = None, None, given.prompt.texts
    with loaded_guard(settings) as guard:
        guard.prepare(snapshot.guard)  # what a running gateway has built long ago
        try:
            if given.prompt.has_token_ids and rules.denies_token_ids:
                raise ContentUnreadable(param="input")
            texts += asyncio.run(_opened(given.prompt, rules))
            verdict = asyncio.run(guard.inspect(texts, rules))
        except Refusal as error:
            refusal = error
    return Trial(given.read_as, texts, snapshot.digest, settings.layout.fingerprint_key.exists(), verdict, refusal)


async def _opened(prompt: Prompt, rules: GuardRules) -> tuple[Text, ...]:
    opener = Opener()
    try:
        return await opener.open(prompt.attachments, rules.deadline_seconds, denies_on_timeout=rules.denies_on_timeout)
    finally:
        opener.close()
