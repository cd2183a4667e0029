"""Two real OpenID providers in front of the whole gateway: who is let in, and what becomes of it when keys change or fail."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway_ext.local.certificates import ensure_certificates
from tests.envoy.forged_tokens import Forge
from tests.envoy.identity_provider import (
    Claims,
    IdentityProvider,
    documented_envoy,
    documented_policy,
    identity_provider,
)
from tests.envoy.refusals import assert_not_written, assert_refused
from tests.envoy.stack import COMMAND, Stack, chat, running_stack

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(300)]
CHAT = "/chat/completions"
HELLO = chat("Hello")
ADA: Claims = {"email": "ada@example.eu", "org": {"team": "research"}, "cost_center": "4711", "groups": ["llm-users"]}
PEOPLE: dict[str, Claims] = {
    "ada": ADA,
    "no-team": {**ADA, "org": {}},
    "no-mail": {**ADA, "email": ""},
    "numbered": {**ADA, "cost_center": 4711},
}
SUBSIDIARY = """
  subsidiary:
    class: sso
    kind: person
    interfaces: [public]
    keys_max_age_seconds: 86400
    claims: {subject: email, email: email, team: org.team, groups: groups, cost_center: cost_center}
    required: [subject, team]
    defaults: {project: subsidiary}
"""
FLOOD = 300
MAX_AGE_SECONDS = 10
FETCH_SECONDS = 1.0  # cache_duration less 5 s
LISTENERS = 4  # each fetches on its own: public, console, and the loopback ones of `up`


@dataclass(frozen=True, slots=True)
class World:
    stack: Stack
    company: IdentityProvider
    subsidiary: IdentityProvider

    def post(self, token: str) -> httpx.Response:
        with self.stack.client(token) as client:
            return client.post(CHAT, json=HELLO)


@contextmanager
def running_world(root: Path, *replacements: tuple[str, str]) -> Iterator[World]:
    """A gateway and its two providers. `replacements` change what the documentation says."""
    ensure_certificates(root / "certs", time.time_ns())
    with ExitStack() as cleanup:
        company = cleanup.enter_context(identity_provider("RS256", PEOPLE, root / "certs"))
        subsidiary = cleanup.enter_context(identity_provider("ES256", {"ada": ADA}, root / "certs"))
        envoy, policy = documented_envoy(company, subsidiary), documented_policy()
        for before, after in replacements:
            assert before in envoy + policy
            envoy, policy = envoy.replace(before, after), policy.replace(before, after)
        (root / "envoy.yaml").write_text(envoy)

        def add_providers(policies: Path) -> None:
            file = policies / "identity.yaml"
            head, _, rest = file.read_text().partition("issuers:\n")
            others = rest[rest.index("  # People, with a personal credential") :]
            file.write_text(f"{head}{policy}{SUBSIDIARY}{others}")

        options = f"envoy_config: {root / 'envoy.yaml'}"
        stack = cleanup.enter_context(
            running_stack(root / "gateway", processors=1, change_policies=add_providers, settings=options)
        )
        ages = stack.layout.key_ages
        until(
            lambda: all((ages / name).exists() for name in ("company", "subsidiary"))
        )  # the control process has looked
        yield World(stack, company, subsidiary)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """As documented."""
    with running_world(tmp_path_factory.mktemp("idp")) as running:
        yield running


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """As documented, but for shorter times."""
    times = (
        ("cache_duration: 305s", f"cache_duration: {FETCH_SECONDS + 5:.0f}s"),
        ("failed_refetch_duration: 30s", "failed_refetch_duration: 1s"),
        ("base_ejection_time: 30s, max_ejection_time: 30s", "base_ejection_time: 1s, max_ejection_time: 1s"),
        ("keys_max_age_seconds: 86400", f"keys_max_age_seconds: {MAX_AGE_SECONDS}"),
    )
    with running_world(tmp_path_factory.mktemp("hasty"), *times) as running:
        yield running


def until(holds: Callable[[], bool], seconds: float = 15) -> float:
    """Wait until it holds; how long that took."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() < started + seconds, f"not within {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - started


def test_documented_configuration_is_fit_for_use(world: World) -> None:
    """By Envoy's own validation and our rules for its configuration."""
    root, stack = world.stack.state.parents[1], world.stack
    options = ["--config", str(root / "envoy.yaml"), "--policies", str(stack.policies), "--state", str(stack.state)]
    done = subprocess.run([*COMMAND, "envoy", "check", *options], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# --- claims ----------------------------------------------------------------------------------------------------------


def test_person_of_each_provider_is_who_its_claims_say(world: World) -> None:
    for provider, subject in ((world.company, "ada"), (world.subsidiary, "ada@example.eu")):
        answer = world.post(provider.token("ada"))
        assert answer.status_code == 200, answer.text
        records = world.stack.wait_for_records(
            lambda found, who=subject: any(r.get("gateway.principal.subject") == who for r in found)  # type: ignore[misc]
        )
        (decision,) = (record for record in records if record.get("gateway.principal.subject") == subject)
        assert decision["gateway.principal.email"] == "ada@example.eu"
        assert decision["gateway.principal.team"] == "research"
        assert decision["gateway.principal.cost_center"] == "4711"
        assert decision["gateway.principal.credential_class"] == "sso"
    assert decision["gateway.principal.issuer"] == "subsidiary"
    assert decision["gateway.principal.project"] == "subsidiary"


@pytest.mark.parametrize(
    ("person", "claim"), [("no-team", "org.team"), ("no-mail", "email"), ("numbered", "cost_center")]
)
def test_missing_claim_is_named(world: World, person: str, claim: str) -> None:
    answer = world.post(world.company.token(person))
    assert_refused(answer, 403, "claim_missing", "authentication_error")
    message = f"The credential lacks '{claim}', which issuer 'company' must give."
    assert answer.json()["error"]["message"] == message


def test_personal_credential_beside_providers(world: World) -> None:
    assert world.post(world.stack.token()).status_code == 200


# --- keys ------------------------------------------------------------------------------------------------------------


def test_one_who_poses_as_the_provider(world: World) -> None:
    """The right issuer, audience, claims and a known kid, signed by somebody else."""
    with identity_provider("RS256", PEOPLE, world.company.certs, issuer=world.company.issuer) as impostor:
        token = impostor.token("ada")
    assert_refused(world.post(token), 401, "unauthenticated", "authentication_error")
    assert_not_written(world.stack, *token.split(".")[1:])


def test_flood_of_unknown_keys_fetches_nothing(world: World) -> None:
    own, _ = Forge(world.stack.layout).own_key()
    forge, before = Forge(world.stack.layout), world.company.tell()
    claims = {"iss": world.company.issuer, "aud": "llm-gateway"}
    with world.stack.client("") as client:
        seen = Counter(
            client.post(
                CHAT,
                json=HELLO,
                headers={"authorization": f"Bearer {forge.token(own, header={'kid': f'unknown-{number}'}, **claims)}"},
            ).status_code
            for number in range(FLOOD)
        )
    assert seen == {401: FLOOD}
    assert world.company.tell() == before <= LISTENERS
    print(f"{FLOOD} tokens with an unknown kid: {world.company.tell() - before} fetches")


def test_rotation_with_overlap_refuses_nobody(hasty: World) -> None:
    company, seen, done = hasty.company, Counter[int](), threading.Event()
    old = company.token("ada")
    fresh = [old]  # what has been issued last

    def ask(newest: bool) -> None:
        with hasty.stack.client("") as client:
            while not done.is_set():
                headers = {"authorization": f"Bearer {fresh[-1] if newest else old}"}
                seen[client.post(CHAT, json=HELLO, headers=headers).status_code] += 1

    threads = [threading.Thread(target=ask, args=(newest,)) for newest in (True, False)]
    for thread in threads:
        thread.start()
    try:
        for keys in (["first", "second"], ["second", "first"]):  # published, then used
            company.tell(keys=keys)
            fresh.append(company.token("ada"))
            overlap(company)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert set(seen) == {200}
    print(f"requests during the rotation: {seen[200]}, refused: 0")
    company.tell(keys=["second"])
    overlap(company)
    assert_refused(hasty.post(old), 401, "unauthenticated", "authentication_error")
    assert hasty.post(fresh[-1]).status_code == 200


def overlap(provider: IdentityProvider) -> None:
    """Until each listener has fetched its keys again."""
    before = provider.tell()
    until(lambda: provider.tell() >= before + 2 * LISTENERS)


def test_provider_that_is_away(hasty: World) -> None:
    company = hasty.company
    token, other, personal = company.token("ada"), hasty.subsidiary.token("ada"), hasty.stack.token()
    overlap(company)
    company.stop()
    ended = time.monotonic()
    while time.monotonic() < ended + MAX_AGE_SECONDS - 2 * FETCH_SECONDS - 1:
        assert hasty.post(token).status_code == 200
        time.sleep(0.2)
    until(lambda: hasty.post(token).status_code != 200)
    lasted = time.monotonic() - ended
    assert lasted < MAX_AGE_SECONDS + 3
    answer = hasty.post(token)
    assert_refused(answer, 503, "identity_provider_unavailable", "server_error")
    assert answer.headers["retry-after"] == "30"
    assert (hasty.post(other).status_code, hasty.post(personal).status_code) == (200, 200)
    company.start()
    back = until(lambda: hasty.post(company.token("ada")).status_code == 200)
    print(f"keys were believed for {lasted:.1f} s without the provider; {back:.1f} s after its return all was well")


def test_envoy_that_starts_without_the_provider(hasty: World) -> None:
    """It has no key at all: nobody is let in, and a flood of tokens does not become one of fetches."""
    company, token = hasty.company, hasty.company.token("ada")
    company.tell(fails=True)
    hasty.stack.kill("envoy")
    until(lambda: is_refused(hasty, token), seconds=40)
    before, started = company.tell(), time.monotonic()
    answers = [hasty.post(token) for _ in range(FLOOD)]
    took = time.monotonic() - started
    for answer in answers:
        assert_refused(answer, 503, "identity_provider_unavailable", "server_error")
    fetches = company.tell() - before
    assert fetches <= (took + 1) * (LISTENERS + 3)  # an ejection is one second here; three failures bring it about
    print(f"{FLOOD} tokens without a key in {took:.1f} s: {fetches} fetches")
    company.tell(fails=False)
    until(lambda: hasty.post(token).status_code == 200)


def is_refused(world: World, token: str) -> bool:
    try:
        return world.post(token).status_code == 503
    except httpx.TransportError:  # Envoy is not back yet
        return False
