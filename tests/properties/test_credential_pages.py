"""The store's pages are those of a plain reading of all credentials, whatever is asked for and wherever one begins."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.credentials.credential import Credential, Owner, State
from gateway_ext.credentials.sqlite_store import SqliteCredentials, Which
from gateway_ext.exchange import CredentialClass

NOW_UNIX = 1_000
CLASSES = (CredentialClass.PERSONAL, CredentialClass.SERVICE)
SUBJECTS = ("ada", "grace")


@st.composite
def credentials(draw: st.DrawFn) -> list[Credential]:
    """With few times and subjects, so that many have the same."""
    return [
        Credential(
            id=f"{draw(st.integers(0, 9))}-{number}",
            credential_class=draw(st.sampled_from(CLASSES)),
            name="any",
            purpose="",
            owner=Owner(draw(st.sampled_from(SUBJECTS)), "team"),
            created_unix=draw(st.integers(1, 3)),
            expires_unix=draw(st.integers(NOW_UNIX - 1, NOW_UNIX + 1)),
            revoke_at_unix=draw(st.sampled_from((0, 5))),
            revoked_unix=draw(st.sampled_from((0, 5))),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


@contextmanager
def kept(found: list[Credential]) -> Iterator[SqliteCredentials]:
    with tempfile.TemporaryDirectory() as directory:
        store = SqliteCredentials(Path(directory) / "credentials.sqlite")
        for each in found:
            store.add(each, 10_000, lambda: None)
        yield store


@settings(deadline=None, max_examples=40)
@given(
    found=credentials(),
    which=st.builds(
        Which,
        st.sampled_from((None, *CLASSES)),
        st.sampled_from((None, *SUBJECTS, "nobody")),
        st.sampled_from((None, *State)),
    ),
    limit=st.integers(1, 5),
)
def test_pages_are_those_of_a_plain_reading(found: list[Credential], which: Which, limit: int) -> None:
    def is_meant(each: Credential) -> bool:
        return (
            which.credential_class in (None, each.credential_class)
            and which.subject in (None, each.owner.subject)
            and which.state in (None, each.state(NOW_UNIX))
        )

    expected = sorted(filter(is_meant, found), key=lambda each: (each.created_unix, each.id))
    with kept(found) as store:
        seen: list[Credential] = []
        after = (0, "")
        while page := store.page(which, after, limit, NOW_UNIX):
            assert len(page) <= limit
            seen += page
            after = (page[-1].created_unix, page[-1].id)
    assert seen == expected
