"""What `gateway-ext up` prints when everything is ready: what a user does next, ready to paste."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

from gateway_ext.errors import Refusal
from gateway_ext.exchange import CredentialClass, Interface, VerifiedClaims
from gateway_ext.identity.claims import authenticate
from gateway_ext.identity.roles import roles_of
from gateway_ext.identity.rules import IdentityRules
from gateway_ext.local.identity_provider.people import LocalPerson, read_people
from gateway_ext.local.issuer import LocalIssuer
from gateway_ext.local.one_machine import LOOPBACK, OneMachine
from gateway_ext.settings import Settings

_NAME_CHARACTERS = 11


def banner(machine: OneMachine, issuer: LocalIssuer, log_dir: Path) -> str:
    """The whole text. It holds a key and passwords: it is for the terminal alone. Raises ConfigurationError."""
    url = f"http://{LOOPBACK}:{machine.ports.gateway}/v1"
    token = issuer.mint(CredentialClass.SSO, "demo@local", "demo", ["llm-users"])
    models = sorted(machine.snapshot.routing.models)
    body = json.dumps({"model": models[0] if models else "", "messages": [{"role": "user", "content": "Hello"}]})
    lines = [
        "",
        "gateway-ext is running. Ctrl-C stops it.",
        "",
        f"  export OPENAI_BASE_URL={url}",
        f"  export OPENAI_API_KEY={token}",
        "",
        '  curl -s $OPENAI_BASE_URL/chat/completions -H "Authorization: Bearer $OPENAI_API_KEY" \\',
        f"    -H 'Content-Type: application/json' -d {shlex.quote(body)}",
        "",
        f"  {'console':<{_NAME_CHARACTERS}} {machine.settings.console_url}",
        *_people(machine),
        *(f"  {name:<{_NAME_CHARACTERS}} {value}" for name, value in _facts(machine, url, log_dir).items()),
        "",
    ]
    return "\n".join(lines)


def _people(machine: OneMachine) -> Iterator[str]:
    """A line for each one who can log in here: name, password, roles."""
    if machine.login is None:
        return
    for each in read_people(machine.settings.layout.people):
        roles = _roles(each, machine.login.name, machine.snapshot.identity)
        yield f"  {'':<{_NAME_CHARACTERS}}   {each.name:<8} {each.password}   {roles}"


def _roles(person: LocalPerson, issuer: str, rules: IdentityRules) -> str:
    """As the console will see them, by policy."""
    claims = VerifiedClaims({"sub": person.subject, **person.claims})
    try:
        return ", ".join(sorted(roles_of(authenticate({issuer: claims}, Interface.PUBLIC, rules), rules))) or "no role"
    except Refusal as refusal:
        return f"cannot log in ({refusal.code})"


def _audit_outputs(machine: OneMachine) -> str:
    settings = machine.settings
    otlp = str(machine.audit_file) if machine.has_own_sink else settings.otlp_endpoint
    return ", ".join(filter(None, (otlp, settings.ocsf_file, settings.syslog_url)))


def _facts(machine: OneMachine, url: str, log_dir: Path) -> dict[str, str]:
    listeners, state = machine.listeners, machine.settings.state_dir
    state_option = "" if state == Settings().state_dir else f" --state {shlex.quote(str(state))}"
    encrypted = ", ".join(
        f"https://localhost:{listeners[name]}" for name in ("public", "internal") if name in listeners
    )
    facts = {
        "anthropic": f"ANTHROPIC_BASE_URL={url.removesuffix('/v1')}, and the same key as ANTHROPIC_API_KEY",
        "models": ", ".join(sorted(machine.snapshot.routing.models)),
        "TLS": f"{encrypted} (trust {machine.settings.layout.certs / 'ca.pem'}; the internal one asks for client.pem)",
        "audit": _audit_outputs(machine),
        "logs": f"{log_dir}/",
        "admin": f"http://{LOOPBACK}:{listeners['admin']}" if "admin" in listeners else "none",
        "credential": f"gateway-ext token --help; another one: gateway-ext token{state_option}",
    }
    if keyless := machine.keyless_providers():
        facts["no key yet"] = ", ".join(f"{each.name} ({machine.key_file(each)})" for each in keyless)
    return facts
