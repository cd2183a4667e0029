"""Minting and rotating in a state directory: what stands behind them, and what the audit trail says of it."""

from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.credentials import (
    life_cycle,
    replace_signing_keys,
    rotate_signing_key,
    signing_keys,
)
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.segments import process_directories
from gateway_ext.credentials.credential import owner_of
from gateway_ext.credentials.minting import Asked
from gateway_ext.credentials.rules import Bounds
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass, Principal
from gateway_ext.settings import Settings
from gateway_ext.standing.sqlite_store import StandingStore
from tests.unit.credentials.key_service import KeyService, script

ANNA = Principal("anna", "person", "company", CredentialClass.SSO, "login", "engines", email="anna@example.com")
BY_ANNA = Actor("anna", "company", "gateway")
BOUNDS = Bounds(days_max=30, days_default=7, per_subject_max=3, currency="EUR")
ASKED = Asked(CredentialClass.PERSONAL, "laptop", owner_of(ANNA), budget_nano=5)


@pytest.fixture
def service(tmp_path: Path) -> KeyService:
    return KeyService(tmp_path / "service")


@pytest.fixture
def settings(tmp_path: Path, service: KeyService) -> Settings:
    """Of a gateway whose credentials an operator's program signs."""
    settings = Settings(state_dir=tmp_path / "state", signer_command=str(service.program))
    StandingStore(settings.layout.standing).make("store")
    return settings


def recorded(settings: Settings) -> list[tuple[str, str, str]]:
    return [
        (event.name, event.order.actor, event.order.reason)
        for directory in process_directories(settings.layout.spool)
        for event in last_events(directory, 100)
    ]


def test_a_person_mints_what_the_key_service_signs(settings: Settings, service: KeyService) -> None:
    service.add("personal", "v1", on_p256=True)
    life = life_cycle(settings, BY_ANNA, "lost")
    credential, token = life.mint(ASKED, BOUNDS)
    (published,) = json.loads((settings.layout.jwks / "personal.json").read_text())["keys"]
    claims = jwt.decode(token, jwt.PyJWK.from_dict(published), algorithms=["ES256"], audience="llm-gateway")
    assert (claims["sub"], claims["email"], claims["budget"]["limit_nano"]) == ("anna", "anna@example.com", "5")
    assert not settings.layout.issuers.exists()
    life.revoke(credential)
    assert recorded(settings) == [
        ("credentials:credential:minted", "anna", "for anna: laptop"),
        ("standing:credential:revoked", "anna", "lost"),
    ]


@pytest.mark.parametrize("body", ["exit 1", "echo", "echo {}", "exec cat"])
def test_what_is_not_signed_is_neither_known_nor_recorded(settings: Settings, service: KeyService, body: str) -> None:
    service.add("personal", "v1")
    signing_keys(settings).ensure("personal", 0)
    script(service.program, f'[ $1 = public ] && exec {service.program}.good "$@"; {body}')
    good = KeyService(service.program.parent / "good")
    good.program.rename(f"{service.program}.good")
    with pytest.raises(ConfigurationError):
        life_cycle(settings, BY_ANNA, "").mint(ASKED, BOUNDS)
    assert life_cycle(settings, BY_ANNA, "").store.all() == []
    assert recorded(settings) == []


def test_a_program_that_others_may_write_mints_nothing(settings: Settings, service: KeyService) -> None:
    service.add("personal", "v1")
    service.program.chmod(0o777)
    with pytest.raises(ConfigurationError, match="others may write it"):
        life_cycle(settings, BY_ANNA, "").mint(ASKED, BOUNDS)
    assert service.log.read_text() == ""
    assert not settings.layout.jwks.exists()


def test_rotations_are_recorded_and_only_those_that_come_to_be(settings: Settings, service: KeyService) -> None:
    service.add("personal", "v1")
    life_cycle(settings, BY_ANNA, "").mint(ASKED, BOUNDS)
    with pytest.raises(ConfigurationError, match="rotate the key there first"):
        rotate_signing_key(settings, BY_ANNA, "personal", 0)
    service.add("personal", "v2")
    assert [each.id for each in rotate_signing_key(settings, BY_ANNA, "personal", 0).keys] == ["v1", "v2"]
    service.add("personal", "v3")
    assert [each.id for each in replace_signing_keys(settings, BY_ANNA, "personal").keys] == ["v3"]
    assert [name for name, _, _ in recorded(settings)][1:] == ["credentials:key:rotated", "credentials:key:replaced"]


def test_what_cannot_be_recorded_is_not_rotated(settings: Settings, service: KeyService) -> None:
    service.add("personal", "v1")
    keys = signing_keys(settings)
    keys.ensure("personal", 0)
    service.add("personal", "v2")
    settings.layout.spool.mkdir(parents=True)
    (settings.layout.spool / "operator").write_text("in the way")
    with pytest.raises(ConfigurationError):
        rotate_signing_key(settings, BY_ANNA, "personal", 0)
    assert [each.id for each in keys.key_set("personal", 1).keys] == ["v1"]
