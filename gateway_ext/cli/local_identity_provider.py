"""`gateway-ext local-identity-provider`: an OpenID provider for one laptop, which `up` runs."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any
from urllib.parse import urlsplit

from gateway_ext.cli.settings_arguments import add_settings_arguments, settings_of_state
from gateway_ext.clock import SystemClock
from gateway_ext.credentials.key_files import KeyFiles
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass
from gateway_ext.limits import NANO
from gateway_ext.local.issuer import ISSUERS, LocalIssuer
from gateway_ext.settings import Settings

HOST = "127.0.0.1"  # and no option for another: who can reach it can guess passwords that lie on this disk
_HERE = {"127.0.0.1", "::1", "localhost"}


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    parser = subparsers.add_parser(
        "local-identity-provider",
        help="run an identity provider for trying things out; laptops only",
        description="An OpenID provider (authorization code with PKCE) for the people of people.yaml below the state "
        "directory, on the loopback address. 'gateway-ext up' runs it. For trying things out: never use it for others.",
    )
    add_settings_arguments(parser)
    parser.add_argument("--port", type=int, default=18090, help="port to listen on (default: %(default)s)")
    parser.add_argument("--client-id", default="gateway-ext", help="of the console (default: %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted. Raises ConfigurationError for missing people or keys, or a console elsewhere."""
    settings = settings_of_state(options)
    app = _application(settings, f"http://{HOST}:{options.port}", options.client_id)
    import uvicorn  # noqa: PLC0415  (late: what is wrong with the settings is told at once)

    print("local identity provider: for trying things out on this machine only", file=sys.stderr, flush=True)
    # No access log: addresses of a login carry its state.
    uvicorn.run(app, host=HOST, port=options.port, log_level="warning", access_log=False, server_header=False)
    return 0


def _application(settings: Settings, url: str, client_id: str) -> Any:
    if urlsplit(settings.console_url).hostname not in _HERE:
        raise ConfigurationError(
            f"console_url is {settings.console_url}: this identity provider serves a console on this machine only; for"
            " another one name your own in identity.yaml (console.logins)"
        )
    from gateway_ext.local.identity_provider.app import IdentityProvider, application  # noqa: PLC0415  (as uvicorn)
    from gateway_ext.local.identity_provider.people import read_people  # noqa: PLC0415

    layout, name = settings.layout, ISSUERS[CredentialClass.SSO].name
    keys = KeyFiles(layout.issuers, layout.jwks)

    def key_set() -> dict[str, Any]:
        document: dict[str, Any] = json.loads(
            keys.key_set(name, SystemClock().now_unix_nano() // NANO).document(with_times=False)
        )
        return document

    provider = IdentityProvider(
        url=url,
        console_url=settings.console_url,
        client_id=client_id,
        issuer=LocalIssuer.open(layout),
        key_set=key_set,
        people=read_people(layout.people),
        clock=SystemClock(),
    )
    return application(provider)
