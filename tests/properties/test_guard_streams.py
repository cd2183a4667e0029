"""However an answer is cut into pieces, what leaves is what the inspection of the whole answer would have made of it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateway_ext.guard.cache import Match
from gateway_ext.guard.engine import shipped_detectors
from gateway_ext.guard.fingerprint import Fingerprints
from gateway_ext.guard.profile import Profile
from gateway_ext.guard.pseudonyms import PseudonymVault, Restorer
from gateway_ext.guard.rules import Action
from gateway_ext.guard.scanner import Scanner
from gateway_ext.guard.stream.changes import Change, Decision, overlapping
from gateway_ext.guard.stream.holding import Holding
from gateway_ext.guard.stream.text import StreamedText

SCANNER = Scanner(shipped_detectors(), Fingerprints(b"a key for property tests"))
PROFILE = Profile()
NAMES = sorted(kind.name for kind in SCANNER.kinds if kind.data_class in {"personal", "secret"})
BEHIND_CHARACTERS = 256  # what lies further behind a value must not decide about it

VALUES = (
    "DE89 3704 0044 0532 0130 00",
    "fr1420041010050500013m02606",
    "GB82-WEST-1234-5698-7654-32",
    "4111 1111 1111 1111",
    "378282246310005",
    "1 85 05 78 006 084 91",
    "jeanne.dupont@example.fr",
    "имя@почта.рф",
    "+33 (0)6 12 34 56 78",
    "0049 30 123456",
    "06.12.34.56.78",
    "Tél. 612 34 56 78",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_ghi",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAabcdefgh\n-----END RSA PRIVATE KEY-----",
    "postgres://app:s3cr3t@db.internal/x",
    'password = "hunter22"',
    'password = "correct horse battery 9"',
    '{"password":"ho,rse; b4ttery","a":1}',
    "CONTRASEÑA: 'hunter22'",
    '"hunter22" == my_secret_key',
    '"0a1b2c3d4e5f60718293a4b5c6d7e8f9"',
    "xoxb-123456789012-1234567890123-abcdefghijkl",
    "8.8.4.4",
    "//registry.example.org/:_authToken=npm_abcdefghijklmnop",
    "Authorization: Bearer 8sKd02mXq7Lz91PvR4TyB6",
    "curl -u admin:Xk9-2fQ1z https://x.example",
    "Server=db.internal;Database=x;Password=Xk9-2fQ1;",
    "Password=Xk9-2fQ1;Server=db.internal;",
    "apiVersion: v1\nkind: Secret\ndata:\n  password: aHVudGVyMjJ4eQ==\n",
    "apiVersion: v1\ndata:\n  password: aHVudGVyMjJ4eQ==\nkind: Secret\n",
    "born on 12 March 1985",
    "geboren am 24. Dezember 1985",
    "née le 3 mai 1979",
    "date of birth: March 12, 1985",
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
    "Kennzeichen B-AB 1234",
    "00:1A:2B:3C:4D:5E",
    "Musterstraße 12, 10115 Berlin",
)
BROKEN = (
    '{ " p a s s w o r d " : " h o , r s e ;   b 4 t t e r y " , " a " : 1 }',
    "4111 1111\n1111 1111",
    "AKIAIOSF\n  ODNN7EXAMPLE",
    "+33 6 12 34\n> 56 78",
    "DE89 3704 0044\n0532 0130 00",
)
ADDRESSES = (
    "Karl Marx Straße 5, 10115 Berlin ist schön heute",
    "Jean Dupont, 12 bis, rue de la Paix, 75002 Paris, France",
    "221B Baker Street\nLondon NW1 6XE\n",
    "Via Giuseppe Verdi, 12\n20121 Milano",
    "C/ Mayor, 3, 2º B, 28013 Madrid",
    "Gornji stari grad 5, 10000 Zagreb",
    "75002 Paris, 12 rue de la Paix",
    "1052 Budapest, Váci utca 10.",
    "Str. Lipscani 12, bl. A, sc. 1, ap. 3, București 030031",
    "Ερμού 12, 105 63 Αθήνα",
    "бул. Витоша 12, 1000 София",
    "Hauptplatz 1\nTop 3\n1010 Wien",
)
FAR_MANIFEST = f"kind: Secret\nmetadata:\n  name: x\n  note: {'words ' * 400}\ndata:\n  user: aHVudGVyMjJ4eQ==\n"
PROSE = (
    "Die Lieferung verzögert sich um drei Wochen,",
    "peux-tu réécrire ce paragraphe\u202f?",
    "Παρακαλώ συνοψίστε τη συνάντηση.",
    "请总结上次会议的要点，并列出负责人。",
    "def f(key: str) -> str: return key.secret\n",
    '{"id": 48213, "password": null, "sku": "AB-1009-77"}',
    '{"city":"Berlin","days":3,"note":"she said hello to all of us"}',
    "2026-03-02T10:15:42Z took 182 ms",
    "the secret of it isn't told",
    'it isn\'t "quoted" at all;',
    "In the EU and the US (see below) it is 7 or 12.",
    "\n",
    "- a list\n- of things\n",
    "'",
    '"',
)
DISGUISES: Sequence[Callable[[str], str]] = (
    "\u200b".join,
    lambda value: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value),
    lambda value: value.replace("A", "А").replace("e", "е"),
    lambda value: value.replace(" ", "\u00a0"),
    "\u00ad".join,
    " ".join,
    lambda value: base64.b64encode(value.encode()).decode(),
    lambda value: value.encode().hex(),
    lambda value: "".join(f"%{byte:02X}" for byte in value.encode()),
    lambda value: "".join(f"\\u{ord(c):04x}" for c in value),
    lambda value: "".join(chr(0xE0000 + ord(c)) if c.isascii() else c for c in value),
)
DISGUISED = st.builds(lambda value, disguise: disguise(value), st.sampled_from(VALUES), st.sampled_from(DISGUISES))
PARTS = st.lists(
    st.one_of(st.sampled_from((*VALUES, *ADDRESSES)), st.sampled_from(PROSE), DISGUISED, st.text(max_size=8)),
    max_size=8,
)
SETTINGS = settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


def find(text: str) -> Sequence[Match]:
    return SCANNER.matches(text, PROFILE)


def decider(enforced: frozenset[str]) -> Callable[[Match], Decision]:
    def decide(match: Match) -> Decision:
        return Decision(Action.REDACT if match.kind.name in enforced else Action.LOG, f"[{match.kind.name}]")

    return decide


def edited(text: str, edits: Sequence[tuple[int, int, str]]) -> str:
    parts: list[str] = []
    position = 0
    for start, end, replacement in edits:
        parts += (text[position:start], replacement)
        position = end
    return "".join((*parts, text[position:]))


def whole(text: str, decide: Callable[[Match], Decision]) -> str:
    changes = [Change(match.start, match.end, decide(match), match) for match in find(text)]
    changes = [change for change in changes if change.decision.action != Action.LOG]
    changes.sort(key=lambda change: (change.start, -change.end))
    edits = []
    for group in overlapping(changes):
        chief = max(group, key=lambda change: change.end - change.start)
        edits.append((group[0].start, max(change.end for change in group), chief.decision.replacement))
    return edited(text, edits)


def streamed(pieces: Sequence[str], enforced: frozenset[str]) -> str:
    decide = decider(enforced)
    stream = StreamedText(find, decide, Holding.of(enforced) if enforced else None)
    edits = []
    for piece in (*pieces, None):
        if piece is None:
            stream.finish()
        else:
            stream.feed(piece)
        for edit in stream.take_edits():
            assert edit.end <= stream.settled
            edits.append((edit.start, edit.end, edit.replacement))
    return edited("".join(pieces), edits)


def is_local(text: str) -> bool:
    """Whether each match is one without what lies far behind it, which no stream could wait for."""
    return all(match in find(text[: match.end + BEHIND_CHARACTERS]) for match in find(text))


def cut(text: str, sizes: Sequence[int]) -> list[str]:
    pieces = []
    position = index = 0
    while position < len(text):
        size = sizes[index % len(sizes)]
        pieces.append(text[position : position + size])
        position += size
        index += 1
    return pieces


@SETTINGS
@given(
    PARTS.map(" ".join),
    st.lists(st.integers(1, 24), min_size=1, max_size=20),
    st.one_of(st.just(frozenset(NAMES)), st.frozensets(st.sampled_from(NAMES))),
)
def test_every_way_of_cutting_gives_what_the_whole_gives(text: str, sizes: list[int], enforced: frozenset[str]) -> None:
    assume(is_local(text))
    assert streamed(cut(text, sizes), enforced) == whole(text, decider(enforced))


@pytest.mark.parametrize("value", [*VALUES, *BROKEN, *ADDRESSES])
@pytest.mark.parametrize("around", [("", ""), ("Here you are: ", " and so on, as I said.\n\nThe end.")])
def test_a_value_cut_at_any_place_is_found(value: str, around: tuple[str, str]) -> None:
    text = around[0] + value + around[1]
    enforced = frozenset(NAMES)
    expected = whole(text, decider(enforced))
    assert streamed(list(text), enforced) == expected
    for place in range(len(text)):
        assert streamed([text[:place], text[place:]], enforced) == expected


def test_a_manifest_says_far_before_its_data_what_it_is() -> None:
    expected = whole(FAR_MANIFEST, decider(frozenset(NAMES)))
    assert "[kubernetes_secret]" in expected
    assert streamed(cut(FAR_MANIFEST, [5]), frozenset(NAMES)) == expected


@SETTINGS
@given(PARTS.map(" ".join), st.lists(st.integers(1, 24), min_size=1, max_size=20))
def test_what_is_enforced_has_been_found_by_then(text: str, sizes: list[int]) -> None:
    """Whatever the scanner finds in what has been released, with what was read behind it, is not in it any more."""
    decide = decider(frozenset(NAMES))
    stream = StreamedText(find, decide, Holding.of(NAMES))
    replaced = [False] * len(text)
    position = 0
    for piece in cut(text, sizes):
        stream.feed(piece)
        position += len(piece)
        for edit in stream.take_edits():
            replaced[edit.start : edit.end] = [True] * (edit.end - edit.start)
        for match in find(text[:position]):
            if match.kind.name in NAMES:
                assert all(replaced[match.start : min(match.end, stream.settled)])


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["<EMAIL_1>", "<email_12>", r"\<EMAIL\_1\>", "&lt;IBAN_1&gt;", "IBAN_1", r"\u003cIBAN_1\u003e"]
            ),
            st.text("<>\\&;_lgtu03ceEMAILBN12 \n", max_size=8),
        ),
        max_size=12,
    ).map("".join),
    st.lists(st.integers(1, 9), min_size=1, max_size=9),
    st.booleans(),
)
def test_placeholders_are_restored_however_they_are_cut(text: str, sizes: list[int], in_json: bool) -> None:
    vault = PseudonymVault({"<EMAIL_1>": 'a"b', "<EMAIL_12>": "<IBAN_1>", "<IBAN_1>": "DE89"})
    restorer = Restorer(vault, in_json=in_json)
    restored = "".join([*map(restorer.feed, cut(text, sizes)), restorer.finish()])
    assert restored == vault.restore(text, in_json=in_json)
