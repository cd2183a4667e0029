"""`gateway-ext token`: print a credential of the local issuer, and nothing else, on standard output."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from gateway_ext.administration.acts import record_act
from gateway_ext.administration.recording import recorded_name
from gateway_ext.audit.events import EventName
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import CredentialClass
from gateway_ext.local.issuer import ISSUERS, LocalIssuer
from gateway_ext.settings import Settings, StateLayout

TTL_SECONDS_MAX = 366 * 86_400
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = subparsers.add_parser(
        "token",
        help="print a credential of the local issuer",
        description="Prints a signed token. Use it as OPENAI_API_KEY. Works where 'gateway-ext up' has made the keys.",
    )
    classes = [str(each) for each in CredentialClass]
    parser.add_argument("--class", dest="credential_class", choices=classes, default="sso", help="default: %(default)s")
    parser.add_argument("--subject", help="who it is for (default: demo@local; of a service: batch-service)")
    parser.add_argument("--team", help="default: demo; of a service: platform")
    parser.add_argument("--group", action="append", help="may be repeated (default: llm-users; llm-services)")
    parser.add_argument("--audience", help="what it is for: gateway-control is the console's API (default: models)")
    parser.add_argument("--application", help="default of a service: batch")
    parser.add_argument(
        "--ttl", type=_ttl_seconds, default="12h", metavar="TIME", help="30s, 15m, 12h, 7d (default: 12h)"
    )
    parser.add_argument("--state", type=Path, default=Path(".gateway"), help="state directory (default: %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Mint, have it recorded, and print. Raises ConfigurationError when there are no keys, or when that cannot be recorded."""
    credential_class = CredentialClass(options.credential_class)
    is_service = credential_class is CredentialClass.SERVICE
    application = options.application or ("batch" if is_service else "")
    given = {"app": application, "aud": options.audience, "jti": SystemClock().new_id()}
    subject = options.subject or ("batch-service" if is_service else "demo@local")
    token = LocalIssuer.open(StateLayout(options.state)).mint(
        credential_class,
        subject=subject,
        team=options.team or ("platform" if is_service else "demo"),
        groups=options.group or (["llm-services"] if is_service else ["llm-users"]),
        ttl_seconds=options.ttl,
        **{name: value for name, value in given.items() if value},
    )
    settings, issuer = Settings(state_dir=options.state), ISSUERS[credential_class].name
    owner = subject if is_service else recorded_name(settings, subject)
    reason = f"for {owner}: gateway-ext token"
    record_act(settings, EventName.CREDENTIAL_MINTED, "credential", given["jti"], reason, issuer=issuer)
    print(token)
    return 0


def _ttl_seconds(text: str) -> int:
    match = re.fullmatch(r"(\d{1,8})([smhd])", text)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 1 <= seconds <= TTL_SECONDS_MAX:
        raise argparse.ArgumentTypeError(f"'{text}' is not a time from 1s to 366d, such as 30s, 15m, 12h or 7d")
    return seconds
