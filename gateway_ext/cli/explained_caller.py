"""The caller of a request that `policy explain` plays: claims as the issuer would write them, a front end's headers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import VerifiedClaims
from gateway_ext.extproc.headers import AGENT_RUN_FIELD
from gateway_ext.identity.rules import IssuerRule

_MORE_FIELDS = ("project", "application", "environment", "purpose")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--issuer", default="personal", help="which issuer of identity.yaml verified the caller")
    parser.add_argument("--subject", default="demo@local")
    parser.add_argument("--team", default="demo")
    parser.add_argument("--group", action="append", help="may be given several times (default llm-users)")
    for field in _MORE_FIELDS:
        parser.add_argument(f"--{field}", help=f"the caller's {field}; its issuer must take it from a claim")
    parser.add_argument("--claims", type=Path, help="JSON file of claims, instead of the options above but --issuer")
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="in which a front end says for whom it asks, or an agent which run it is (x-agent-run); may be given several"
        " times",
    )


def claims(options: argparse.Namespace, issuer: IssuerRule) -> VerifiedClaims:
    """Raises ConfigurationError for claims that cannot be read, or a field that `issuer` takes from no claim."""
    if options.claims is not None:
        return _from_file(options.claims)
    given = {field: getattr(options, field) for field in _MORE_FIELDS if getattr(options, field) is not None}
    if unmapped := sorted(given.keys() - issuer.claims.keys()):
        raise ConfigurationError(f"--{unmapped[0]}: issuer '{issuer.name}' takes it from no claim, see identity.yaml")
    values = {
        "subject": options.subject,
        "team": options.team,
        "groups": options.group or ["llm-users"],
        "credential_id": "explained",
        **given,
    }
    bound = {"client_uri": "spiffe://explained"} if issuer.is_bound else {}
    return VerifiedClaims({path: values[field] for field, path in issuer.claims.items() if field in values} | bound)


def user_headers(options: argparse.Namespace, wanted: frozenset[str]) -> Mapping[str, tuple[str, ...]]:
    """Those of the headers given that policy maps, as the gateway reads them. Raises ConfigurationError."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in _headers(options):
        if name in wanted:
            found[name] = (*found.get(name, ()), value)
    return found


def agent_run(options: argparse.Namespace) -> str | None:
    """As the gateway reads it: fields of one name are joined. Raises ConfigurationError."""
    values = [value for name, value in _headers(options) if name == AGENT_RUN_FIELD]
    return ", ".join(values) if values else None


def _headers(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    for line in options.header:
        name, colon, value = line.partition(":")
        if not colon:
            raise ConfigurationError("--header: write it as 'NAME: VALUE'")
        yield name.strip().lower(), value.strip().encode().decode("latin-1")


def _from_file(path: Path) -> VerifiedClaims:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path}: expected a JSON object of claims")
    return VerifiedClaims(found)
