"""A company's identity provider, run by the tests, and the gateway's configuration for it as the documentation has it."""

from __future__ import annotations

import json
import re
import select
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.envoy.harness import ENVOY_YAML
from tests.envoy.node import PROGRAMS, node_with
from tests.envoy.stack import PROJECT, free_ports

DOCUMENT = PROJECT / "docs" / "identity-providers.md"
AUDIENCE = "llm-gateway"
SECRET = "of-no-value"
ANSWER_SECONDS = 20.0
Claims = Mapping[str, Any]


@dataclass(slots=True)
class IdentityProvider:
    """`oidc-provider` on a port of its own. `people` maps who can sign in to the claims of their tokens."""

    algorithm: str
    people: Mapping[str, Claims]
    certs: Path  # of an authority and of localhost
    port: int
    issuer: str
    process: subprocess.Popen[str] | None = None
    login: Mapping[str, Any] | None = None  # who logs in by a form, for which clients (openid_provider.mjs)

    def start(self) -> None:
        options = {
            "issuer": self.issuer, "port": self.port, "algorithm": self.algorithm, "audience": AUDIENCE,
            "key": str(self.certs / "server.key"), "cert": str(self.certs / "server.pem"),
            "clients": {name: {"secret": SECRET, "claims": claims} for name, claims in self.people.items()},
            **({} if self.login is None else {"login": self.login}),
        }  # fmt: skip
        command = [node_with("oidc-provider"), str(PROGRAMS / "openid_provider.mjs"), json.dumps(options)]
        for is_last in (False, True):  # on a busy machine Node.js was seen to hang before it listened
            with self._log.open("ab") as log:
                self.process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
                )
            try:
                self._answer()
            except AssertionError:
                self.stop()
                if is_last:
                    raise
            else:
                return

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate(timeout=ANSWER_SECONDS)
            self.process = None

    def tell(self, **command: Any) -> int:
        """Change its keys (`keys`, the first one signs) or `fails`; how often the keys have been asked for."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(f"{json.dumps(command)}\n")
        self.process.stdin.flush()
        return self._answer()

    def token(self, person: str) -> str:
        """Sign in (RFC 6749 §4.4, for a resource by RFC 8707)."""
        answer = httpx.post(
            f"https://localhost:{self.port}/token",
            auth=(person, SECRET),
            data={"grant_type": "client_credentials", "resource": "urn:llm-gateway"},
            verify=False,
            trust_env=False,
        )
        answer.raise_for_status()
        token: str = answer.json()["access_token"]
        return token

    def _answer(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], ANSWER_SECONDS)
        line = self.process.stdout.readline() if ready else ""
        assert line, f"the provider does not answer:\n{self._log.read_text()[-2000:]}"
        return int(json.loads(line)["jwksRequests"])

    @property
    def _log(self) -> Path:
        return self.certs.parent / f"provider-{self.port}.log"


@contextmanager
def identity_provider(
    algorithm: str,
    people: Mapping[str, Claims],
    certs: Path,
    issuer: str = "",
    login: Mapping[str, Any] | None = None,
) -> Iterator[IdentityProvider]:
    """Started on a free port; `issuer` is whom it claims to be."""
    (port,) = free_ports(1)
    provider = IdentityProvider(algorithm, people, certs, port, issuer or f"https://localhost:{port}", login=login)
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()


# --- the gateway's side, block by block out of the documentation ------------------------------------------------------


def documented_policy() -> str:
    """How the tokens of `company` are read."""
    return _blocks()[2]


def documented_envoy(company: IdentityProvider, subsidiary: IdentityProvider) -> str:
    """The shipped envoy.yaml with two providers, done as the documentation tells."""
    remote, cluster, _, provider, principal = _blocks()
    remote, cluster = _placed(remote, company), _placed(cluster, company)
    other_cluster = _placed(_blocks()[1].replace("idp_company", "idp_subsidiary"), subsidiary)
    changes = [
        ("&company_issuer https://idp.local", f"&company_issuer {company.issuer}"),
        ("  personal: &personal\n", f"{_placed(provider, subsidiary)}  personal: &personal\n"),
        ("{company: *company, ", "{company: *company, subsidiary: *subsidiary, "),
        ("{provider_name: company}, ", "{provider_name: company}, {provider_name: subsidiary}, "),
        ("                    principals:\n", f"                    principals:\n{_placed(principal, subsidiary)}"),
        ("\n  clusters:\n", f"\n  clusters:\n{cluster}{other_cluster}"),
    ]
    keys = "    local_jwks: {filename: jwks/company.json}\n"
    text = ENVOY_YAML.read_text()
    assert text.count(keys) == 2, "one for callers of models, one for the console"
    text = text.replace(keys, remote)
    for before, after in changes:
        assert before in text, f"envoy.yaml does not say: {before}"
        text = text.replace(before, after, 1)
    return text


def _blocks() -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)


def _placed(block: str, provider: IdentityProvider) -> str:
    block = re.sub(r"https://(login\.example\.eu|sso\.example\.fr)", provider.issuer, block)
    block = block.replace("login.example.eu, port_value: 443", f"localhost, port_value: {provider.port}")
    block = block.replace("login.example.eu", "localhost")
    return block.replace("/etc/ssl/certs/ca-certificates.crt", str(provider.certs / "ca.pem"))
