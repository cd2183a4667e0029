"""Credentials whose signing keys are in a key service: Envoy believes what is published, and nothing else of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest

from gateway_ext.credentials.minting import claims_of
from gateway_ext.credentials.program_keys import ProgramSigner
from gateway_ext.credentials.public_keys import published_form
from gateway_ext.credentials.signing import signed_token
from gateway_ext.credentials.sqlite_store import SqliteCredentials
from gateway_ext.credentials.trusted_program import run
from tests.envoy.refusals import assert_refused
from tests.envoy.stack import Stack, running_stack
from tests.envoy.test_personal_credentials import ask, keys, wait_until
from tests.unit.credentials.key_service import KeyService

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(240)]
PERSON = ("--subject", "anna@local", "--team", "demo", "--group", "llm-users")
LEAD_SECONDS = 2


@dataclass(frozen=True)
class Renamed:
    """Signs with its key, and says that it was another."""

    key_id: str
    signer: ProgramSigner

    @property
    def algorithm(self) -> str:
        return self.signer.algorithm

    def sign(self, message: bytes) -> bytes:
        return self.signer.sign(message)


@dataclass(frozen=True)
class Desk:
    """A gateway that began with key files, and the key service that it goes over to."""

    stack: Stack
    service: KeyService
    settings: Path

    def keys(self, *arguments: str) -> Any:
        return keys(self.stack, *arguments, "--settings", str(self.settings))

    def rotate(self) -> list[str]:
        """To the newest key of the service, which signs when this returns. All that are published."""
        rotated = self.keys("signing", "rotate", "personal", "--lead", str(LEAD_SECONDS))
        time.sleep(LEAD_SECONDS + 0.5)
        return [each["key"] for each in rotated]

    def signed_by_newest(self, calling_it: str) -> str:
        """A token that lacks nothing but that its key is published."""
        (*_, jwk) = json.loads(run(self.service.program, ("public", "personal"), b""))["keys"]
        signer = ProgramSigner(self.service.program, "personal", published_form(jwk))
        known = SqliteCredentials(self.stack.layout.credentials).all()[-1]
        return signed_token(claims_of(known), Renamed(calling_it, signer))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    root = tmp_path_factory.mktemp("key-service")
    service, settings = KeyService(root / "service"), root / "gateway.yaml"
    settings.write_text(f"signer_command: {service.program}\n")
    with running_stack(root, processors=1) as stack:
        yield Desk(stack, service, settings)


def test_what_the_service_signs_is_believed_while_its_key_is_published(desk: Desk) -> None:
    stack, tokens = desk.stack, {}
    tokens["file"] = keys(stack, "create", *PERSON)["token"]
    assert ask(stack, tokens["file"]).status_code == 200

    desk.service.add("personal", "v1")
    assert desk.rotate()[1:] == ["v1"]
    tokens["v1"] = desk.keys("create", *PERSON)["token"]
    assert jwt.get_unverified_header(tokens["v1"]) == {"alg": "EdDSA", "kid": "v1", "typ": "JWT"}

    desk.service.add("personal", "v2", on_p256=True)
    assert desk.rotate()[1:] == ["v1", "v2"]
    tokens["v2"] = desk.keys("create", *PERSON)["token"]
    assert jwt.get_unverified_header(tokens["v2"]) == {"alg": "ES256", "kid": "v2", "typ": "JWT"}
    assert {name: ask(stack, token).status_code for name, token in tokens.items()} == dict.fromkeys(tokens, 200)

    desk.service.add("personal", "v3", on_p256=True)
    for key_id in ("v3", "v2"):
        assert_refused(ask(stack, desk.signed_by_newest(key_id)), 401, "unauthenticated", "authentication_error")

    (only,) = desk.keys("signing", "rotate", "personal", "--compromised")
    assert only["key"] == "v3"
    wait_until(lambda: ask(stack, tokens["v2"]).status_code == 401, 5, "a withdrawn key is still believed")
    assert {ask(stack, token).status_code for token in tokens.values()} == {401}
    newest = desk.keys("create", *PERSON)["token"]
    wait_until(lambda: ask(stack, newest).status_code == 200, 5, "the new key is not believed")
