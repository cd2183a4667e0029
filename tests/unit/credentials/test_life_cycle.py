"""A credential is known before it is shown, never kept, and refused before it is called revoked."""

from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest

from gateway_ext.credentials.credential import Credential, State
from gateway_ext.credentials.life_cycle import named
from gateway_ext.credentials.rules import Bounds, CredentialConflict
from gateway_ext.errors import ConfigurationError
from tests.unit.credentials.desk import BOUNDS, NOW_UNIX, Desk, personal, service

DAY = 86_400


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def verified(desk: Desk, token: str, name: str = "personal", audience: str = "llm-gateway") -> dict[str, object]:
    """The claims, as a relying party takes them."""
    keys = jwt.PyJWKSet.from_dict(json.loads((desk.keys.published_dir / f"{name}.json").read_text()))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, object] = jwt.decode(
        token,
        key,
        algorithms=["EdDSA"],
        audience=audience,
        issuer=f"gateway-ext/{name}",
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    return claims


def state(desk: Desk, credential: Credential) -> State:
    return named(desk.store.all(), credential.id).state(desk.clock.unix)


def test_a_token_says_who_it_is_for_and_how_long(desk: Desk) -> None:
    credential, token = desk.life.mint(personal(purpose="editor", models=("assistant",)), BOUNDS)
    assert verified(desk, token) == {
        "iss": "gateway-ext/personal",
        "aud": "llm-gateway",
        "sub": "anna@example.com",
        "team": "engines",
        "groups": ["llm-users"],
        "purpose": "editor",
        "models": ["assistant"],
        "jti": credential.id,
        "iat": NOW_UNIX,
        "nbf": NOW_UNIX,
        "exp": NOW_UNIX + 7 * DAY,
    }
    assert desk.store.all() == [credential]


def test_a_services_token_names_its_certificate(desk: Desk) -> None:
    _, token = desk.life.mint(service(), BOUNDS)
    claims = verified(desk, token, "service", "llm-gateway-internal")
    assert (claims["client_uri"], claims["app"]) == ("spiffe://example/batch", "batch")
    assert "models" not in claims


def test_no_part_of_a_token_is_kept(desk: Desk, tmp_path: Path) -> None:
    _, token = desk.life.mint(personal(), BOUNDS)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(part.encode() in content for part in token.split(".")), path
    assert desk.path.stat().st_mode & 0o777 == 0o600


def test_only_so_many_live_ones_of_one_person(desk: Desk) -> None:
    first, _ = desk.life.mint(personal(), BOUNDS)
    desk.life.mint(personal(), BOUNDS)
    with pytest.raises(CredentialConflict, match=r"has 2 live personal credentials"):
        desk.life.mint(personal(), BOUNDS)
    assert len(desk.store.all()) == 2
    desk.life.mint(service(), BOUNDS)  # others are not concerned
    desk.life.revoke(first)
    desk.life.mint(personal(), BOUNDS)
    desk.clock.unix += 8 * DAY
    desk.life.mint(personal(), BOUNDS)  # expired ones do not count


def test_rotation_overlaps_and_then_revokes(desk: Desk) -> None:
    old, _ = desk.life.mint(personal(days=3), BOUNDS)
    desk.clock.unix += DAY
    successor, token = desk.life.rotate(old, BOUNDS, overlap_seconds=600)
    assert verified(desk, token)["jti"] == successor.id != old.id
    assert successor.expires_unix == desk.clock.unix + 3 * DAY
    assert (state(desk, old), state(desk, successor)) == (State.RETIRING, State.ACTIVE)
    desk.clock.unix += 599
    assert desk.life.revoke_due() == []
    assert desk.revoker.revoked == {}
    desk.clock.unix += 1
    assert [each.id for each in desk.life.revoke_due()] == [old.id]
    assert desk.revoker.revoked == {old.id: old.expires_unix}
    assert (state(desk, old), state(desk, successor)) == (State.REVOKED, State.ACTIVE)
    assert desk.life.revoke_due() == []


def test_rotation_is_possible_at_the_limit_and_follows_a_stricter_policy(desk: Desk) -> None:
    old, _ = desk.life.mint(personal(days=30), BOUNDS)
    successor, _ = desk.life.rotate(old, Bounds(days_max=2, days_default=1, per_subject_max=1), 0)
    assert successor.expires_unix == NOW_UNIX + 2 * DAY


def test_only_an_active_credential_is_rotated_and_only_once(desk: Desk) -> None:
    old, _ = desk.life.mint(personal(), BOUNDS)
    desk.life.rotate(old, BOUNDS, 600)
    with pytest.raises(CredentialConflict, match="rotated or revoked before"):
        desk.life.rotate(old, BOUNDS, 600)  # as a second command would, that read the store before the first
    with pytest.raises(CredentialConflict, match="is retiring"):
        desk.life.rotate(named(desk.store.all(), old.id), BOUNDS, 600)
    assert len(desk.store.all()) == 2


def test_revoked_is_what_is_refused_and_nothing_before(desk: Desk) -> None:
    credential, _ = desk.life.mint(personal(), BOUNDS)
    desk.revoker.is_away = True
    with pytest.raises(ConfigurationError, match="away"):
        desk.life.revoke(credential)
    assert state(desk, credential) is State.ACTIVE
    desk.revoker.is_away = False
    desk.life.revoke(credential)
    assert desk.revoker.revoked == {credential.id: credential.expires_unix}
    assert state(desk, credential) is State.REVOKED
    desk.revoker.revoked.clear()
    desk.life.revoke(named(desk.store.all(), credential.id))
    assert desk.revoker.revoked == {}


def test_what_is_minted_is_recorded_or_not_minted(desk: Desk) -> None:
    old, _ = desk.life.mint(personal(), BOUNDS)
    successor, _ = desk.life.rotate(old, BOUNDS, 600)
    assert desk.notes.minted_for == [(old.id, ""), (successor.id, old.id)]
    before = desk.store.all()
    desk.notes.is_full = True
    with pytest.raises(ConfigurationError, match="full"):
        desk.life.mint(personal(), BOUNDS)
    with pytest.raises(ConfigurationError, match="full"):
        desk.life.rotate(successor, BOUNDS, 600)
    assert desk.store.all() == before


def test_a_store_that_cannot_be_used_mints_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.path.write_bytes(b"not a database, and long enough to be seen as none" * 40)
    with pytest.raises(ConfigurationError, match=r"credentials\.sqlite"):
        desk.life.mint(personal(), BOUNDS)


def test_a_rotated_credential_spends_from_the_same_account(desk: Desk) -> None:
    old, token = desk.life.mint(personal(budget_nano=5_000_000_000), BOUNDS)
    budget = {"account": old.id, "currency": "EUR", "limit_nano": "5000000000", "window": "month"}
    assert verified(desk, token)["budget"] == budget
    successor, token = desk.life.rotate(old, BOUNDS, 600)
    assert verified(desk, token)["budget"] == budget
    assert desk.store.get(successor.id) == successor
    with pytest.raises(CredentialConflict, match="the book is in CHF now"):
        desk.life.rotate(successor, Bounds(30, 7, 2, "CHF"), 600)
    assert state(desk, successor) is State.ACTIVE


def test_credentials_are_named_by_the_beginning_of_their_id(desk: Desk) -> None:
    first, _ = desk.life.mint(personal(), BOUNDS)
    desk.life.mint(personal(), BOUNDS)
    assert named(desk.store.all(), first.id[:6]) == first
    for text in ("", first.id[:5], "ffffffff", "0" * 33):
        with pytest.raises(ConfigurationError, match="no credentials"):
            named(desk.store.all(), text)


def test_nothing_is_made_by_looking(desk: Desk, tmp_path: Path) -> None:
    assert desk.store.all() == []
    assert desk.life.revoke_due() == []
    assert list(tmp_path.iterdir()) == []
