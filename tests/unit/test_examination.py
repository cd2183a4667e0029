"""The search over what gateways write finds what it is for, in every form, and never says what it was."""

from __future__ import annotations

import base64
import gzip
import html
import json
import sqlite3
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, quote_plus

import duckdb
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gateway_ext.credentials.key_files import KeyFiles
from gateway_ext.credentials.signing import signed_token
from gateway_ext.local.identity_provider.people import ensure_people, read_people
from tests.envoy.examination import Allowed, Examination, Examiner, Extent, Total
from tests.envoy.handed_out import HandedOut, Kind, listen, require_no_echo

TOKEN = ".".join(("eyJhbGciOiJFZERTQSJ9", "eyJzdWIiOiJhbm5hIn0" * 3, "c2lnbmF0dXJl" * 6))
PROMPT = 'Please tell nobody "at all" that Jürgen Müller-Lüdenscheidt has sold his shares of the company.'
PLANTED = "DE89 3704 0044 0532 0130 00"


def examined(root: Path, handed_out: HandedOut, *allowed: Allowed) -> Examination:
    examiner = Examiner(handed_out, allowed)
    examiner.learn_keys(root / "state")
    return examiner.examine(root)


@pytest.fixture
def handed_out() -> HandedOut:
    out = HandedOut()
    out.token(TOKEN)
    out.prompt(json.dumps({"model": "assistant", "messages": [{"role": "user", "content": PROMPT}]}).encode())
    out.add(Kind.PLANTED, PLANTED)
    out.add(Kind.COOKIE, "k3Lq0-session-cookie-of-somebody")
    return out


def logged(line: str) -> bytes:
    return f"2026-01-02 INFO something: {line!s} and more\n".encode()


def zipped(text: str) -> bytes:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("report.csv", logged(text))
    return archive.getvalue()


WRITTEN: dict[str, tuple[Kind, bytes]] = {
    "a token": (Kind.TOKEN, logged(TOKEN)),
    "the claims of one": (Kind.TOKEN, logged(TOKEN.split(".")[1])),
    "the signature of one": (Kind.TOKEN, logged(TOKEN.split(".")[2])),
    "a token that nobody has noted": (Kind.TOKEN, logged("Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln")),
    "a cookie": (Kind.COOKIE, logged("set-cookie: gw=k3Lq0-session-cookie-of-somebody; Secure")),
    "a prompt": (Kind.TEXT, logged(PROMPT)),
    "fifty bytes of a prompt": (Kind.TEXT, logged(PROMPT[15:64])),
    "a prompt in JSON": (Kind.TEXT, logged(json.dumps({"prompt": PROMPT}))),
    "a prompt in a query": (Kind.TEXT, logged(f"GET /?q={quote(PROMPT)}")),
    "a prompt in another case": (Kind.TEXT, logged(PROMPT.upper())),
    "a prompt in HTML": (Kind.TEXT, logged(html.escape(PROMPT))),
    "a prompt in a form": (Kind.TEXT, logged(quote_plus(PROMPT))),
    "a prompt in JSON in JSON": (Kind.TEXT, logged(json.dumps(json.dumps({"prompt": PROMPT})))),
    "a prompt in hexadecimal": (Kind.TEXT, logged(PROMPT.encode().hex().upper())),
    "a prompt in UTF-16": (Kind.TEXT, PROMPT.encode("utf-16")),
    "a prompt in a ZIP archive": (Kind.TEXT, zipped(PROMPT)),
    "a prompt in base64": (Kind.TEXT, logged(base64.b64encode(b"id=7;" + PROMPT.encode()).decode())),
    "a prompt in base64url": (Kind.TEXT, logged(base64.urlsafe_b64encode(b"{" + PROMPT.encode()).decode())),
    "a compressed prompt": (Kind.TEXT, logged("next is compressed") + gzip.compress(logged(PROMPT))),
    "a planted value": (Kind.PLANTED, logged(f"found {PLANTED}")),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_is_found(tmp_path: Path, handed_out: HandedOut, name: str) -> None:
    kind, content = WRITTEN[name]
    (tmp_path / "state" / "log").mkdir(parents=True)
    (tmp_path / "state" / "log" / "control.log").write_bytes(content)
    found = examined(tmp_path, handed_out)
    assert {each.kind for each in found.violations} == {kind}
    with pytest.raises(AssertionError) as failed:
        found.require_clean(Total())
    said = f"{failed.value} {found!r}"
    assert "state/log/control.log" in said
    assert str(kind) in said
    for secret in (*TOKEN.split("."), PLANTED, PROMPT, "Jürgen", "k3Lq0"):
        assert secret not in said


def test_what_is_written_to_a_database_is_found_also_when_it_was_removed(tmp_path: Path, handed_out: HandedOut) -> None:
    with closing(sqlite3.connect(tmp_path / "console.sqlite", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE session (cookie TEXT)")
        database.execute("INSERT INTO session VALUES ('k3Lq0-session-cookie-of-somebody')")
        database.execute("DELETE FROM session")
        assert Kind.COOKIE in {each.kind for each in examined(tmp_path, handed_out).violations}


def test_what_is_exported_to_parquet_is_found(tmp_path: Path, handed_out: HandedOut) -> None:
    path = tmp_path / "export.parquet"
    duckdb.execute("COPY (SELECT $1 AS reason) TO '%s' (FORMAT parquet, COMPRESSION zstd)" % path, [PROMPT * 9])  # noqa: UP031  (not a value)
    assert "export.parquet (rows)" in {each.file for each in examined(tmp_path, handed_out).violations}


@pytest.mark.parametrize("missing", ["files", "values"])
def test_a_search_of_nothing_or_for_nothing_fails(tmp_path: Path, handed_out: HandedOut, missing: str) -> None:
    if missing == "values":
        (tmp_path / "control.log").write_text("ready")
    with pytest.raises(AssertionError, match="nothing was searched"):
        examined(tmp_path, handed_out if missing == "files" else HandedOut()).require_clean(Total())


def test_what_was_searched_is_told(tmp_path: Path, handed_out: HandedOut) -> None:
    (tmp_path / "control.log").write_text("ready")
    (tmp_path / "empty.log").touch()
    found = Examiner(handed_out).examine(tmp_path, {"a page": b"12"})
    assert found.extent == Extent(places=1, files=3, bytes=7, values=len(list(handed_out)))
    assert str(found.extent + found.extent) == "2 places, 6 files, 14 bytes, up to 5 values"


def test_what_is_shown_and_lies_in_no_file_is_found(tmp_path: Path, handed_out: HandedOut) -> None:
    (found,) = Examiner(handed_out).examine(tmp_path, {"Envoy's /stats": logged(f"user_agent.{PLANTED}")}).violations
    assert (found.file, found.kind) == ("Envoy's /stats", Kind.PLANTED)


def pem_of(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


KEYS: dict[str, Callable[[], bytes]] = {
    "ed25519": lambda: pem_of(ed25519.Ed25519PrivateKey.generate()),
    "p-256": lambda: pem_of(ec.generate_private_key(ec.SECP256R1())),
    "rsa": lambda: pem_of(rsa.generate_private_key(65537, 2048)),
}


@pytest.mark.parametrize("form", ["pem", "der", "hex", "base64"])
@pytest.mark.parametrize("kind", KEYS)
def test_a_private_key_is_found_in_every_form_and_its_public_half_is_none(tmp_path: Path, kind: str, form: str) -> None:
    pem = KEYS[kind]()
    key = serialization.load_pem_private_key(pem, None)
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for directory in ("state/certs", "state/log"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "state/certs/server.key").write_bytes(pem)
    (tmp_path / "state/log/envoy.log").write_bytes(public)
    allowed = Allowed("*/certs/*.key", Kind.PRIVATE_KEY, "where it lies")
    assert examined(tmp_path, HandedOut(), allowed) == Examination((), frozenset({allowed}))
    forms = {"pem": pem, "der": der, "hex": der.hex().encode(), "base64": base64.b64encode(b"\0" + der)}
    (tmp_path / "state/log/envoy.log").write_bytes(forms[form])
    assert {each.file for each in examined(tmp_path, HandedOut(), allowed).violations} == {"state/log/envoy.log"}


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("secrets/provider", Kind.PROVIDER_KEY),
        ("logins/company.secret", Kind.SECRET),
        ("fingerprint.key", Kind.FINGERPRINT_KEY),
    ],
)
def test_other_keys_of_a_state_directory_are_found_outside_their_files(tmp_path: Path, file: str, kind: Kind) -> None:
    value = b"one-of-thirty-two-bytes-or-more-"
    for name in (file, "log/processor-0.log"):
        (tmp_path / "state" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "state" / name).write_bytes(b"x " * (name != file) + value + b"\n" * (file != "fingerprint.key"))
    found = examined(tmp_path, HandedOut(), Allowed(f"/state/{file}", kind, "where it lies")).violations
    assert {(each.file, each.kind) for each in found} == {("state/log/processor-0.log", kind)}


def test_passwords_of_the_local_identity_provider_are_found_outside_their_file(tmp_path: Path) -> None:
    (tmp_path / "state" / "log").mkdir(parents=True)
    ensure_people(people := tmp_path / "state" / "people.yaml")
    (tmp_path / "state" / "log" / "identity-provider.log").write_text(f"no: {read_people(people)[1].password}")
    found = examined(tmp_path, HandedOut(), Allowed("*/people.yaml", Kind.SECRET, "where they lie")).violations
    assert {(each.file, each.kind) for each in found} == {("state/log/identity-provider.log", Kind.SECRET)}


def test_a_token_of_ours_begins_as_the_search_expects(tmp_path: Path) -> None:
    """Also one that no test has noted, such as a command's."""
    keys = KeyFiles(tmp_path / "issuers", tmp_path / "jwks")
    keys.ensure("personal", 0)
    token = signed_token({"iss": "gateway-ext/personal"}, keys.signer("personal", 0))
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "control.log").write_text(token)
    assert {each.kind for each in examined(tmp_path, HandedOut()).violations} == {Kind.TOKEN}


# --- listening --------------------------------------------------------------------------------------------------------


def answered(handed_out: HandedOut, status: int, body: str = "", **request: str) -> httpx.Response:
    """What a caller with TOKEN gets who is listened to."""
    headers = {"set-cookie": "gw=k3Lq0-session-cookie-of-somebody; HttpOnly"}
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text=body, headers=headers))
    bearer = {"authorization": f"Bearer {TOKEN}"}
    with listen(handed_out), httpx.Client(transport=transport, headers=bearer) as client:
        return client.post("http://gateway.local/v1/chat/completions", content=request.get("content", "{}"))


def test_what_clients_send_and_get_is_noted() -> None:
    out = HandedOut()
    answered(out, 200, content=json.dumps({"model": "assistant-of-all", "input": [{"text": PROMPT}]}))
    answered(out, 400, content=f'{{"prompt": "{PLANTED}", ')
    assert set(out) == {
        *((Kind.TOKEN, segment) for segment in TOKEN.split(".")[1:]),
        (Kind.TEXT, PROMPT),
        (Kind.TEXT, PLANTED),
        (Kind.COOKIE, "k3Lq0-session-cookie-of-somebody"),
    }


def test_an_error_that_shows_the_credential_fails_the_test_which_gets_it() -> None:
    for segment in TOKEN.split(".")[1:]:
        with pytest.raises(AssertionError, match="401 of /v1/chat/completions shows the credential") as failed:
            answered(HandedOut(), 401, f"bad token {segment}")
        assert segment not in str(failed.value)
    assert answered(HandedOut(), 401, "bad token").status_code == 401
    shows_request = httpx.Response(200, text=TOKEN, request=httpx.Request("GET", "http://gateway.local"))
    require_no_echo(shows_request)  # an answer may say what it was told to


def test_listening_ends(handed_out: HandedOut) -> None:
    before = httpx.Client.send, httpx.AsyncClient.send
    with pytest.raises(SystemExit), listen(handed_out):
        sys.exit()
    assert (httpx.Client.send, httpx.AsyncClient.send) == before
