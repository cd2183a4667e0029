"""Records of several people, and erasures at any moment: the erased are in no byte on disk, the others are revealed exactly."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.audit.encoding import decode_event, encode_event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.exchange import CredentialClass, Principal
from gateway_ext.subjects.sealing import opened, sealed_details
from gateway_ext.subjects.sqlite_store import SubjectsStore
from gateway_ext.subjects.subject import Erased, Subject
from gateway_ext.veiled import veiled

PEOPLE = 3


class People:
    def __init__(self, store: SubjectsStore) -> None:
        self.store = store

    def of(self, name: str) -> Subject:
        return self.store.of(name)

    def sealed(self, subject: Subject, email: str, credential_id: str) -> bytes:
        return sealed_details(subject, email, credential_id)


def name_of(number: int) -> str:
    return f"person-{number}@works.example"


def written(number: int, count: int, people: People) -> bytes:
    name = name_of(number)
    who = Principal(name, "person", "company", CredentialClass.SSO, f"key-{count}", email=f"mail-of-{name}")
    record = DecisionRecord(EventName.DECISION_FORWARDED, f"e{count}", "forward", "d", "public", "", principal=who)
    return encode_event(veiled(record, people), processor="p", run_id="r", sequence=count, time_unix_nano=count)


@given(st.lists(st.tuples(st.sampled_from(["write", "write", "erase"]), st.integers(0, PEOPLE - 1)), max_size=12))
@settings(max_examples=12, deadline=None)
def test_erased_is_erased_and_all_others_are_revealed(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = SubjectsStore(Path(directory) / "subjects.sqlite")
        store.begin()
        people, log = People(store), Path(directory) / "log"
        living: dict[int, Subject] = {}
        erased: list[Subject] = []
        records: list[tuple[int, str, bytes]] = []  # whose, under which pseudonym, the record
        for count, (step, number) in enumerate(steps):
            if step == "write":
                record = written(number, count, people)
                with log.open("ab") as file:
                    file.write(record)
                subject = store.of(name_of(number))
                assert living.setdefault(number, subject) == subject  # the same while the key lives
                records.append((number, subject.pseudonym, record))
            elif number in living:
                subject = living.pop(number)
                store.erase(subject.pseudonym, count + 1)
                erased.append(subject)
        on_disk = b"".join(path.read_bytes() for path in Path(directory).iterdir())
        for subject in erased:
            assert isinstance(store.get(subject.pseudonym), Erased)
            assert subject.key not in on_disk
        for number in range(PEOPLE):
            assert (name_of(number).encode() in on_disk) == (number in living)
        for number, pseudonym, record in records:
            caller = decode_event(record).decision.principal
            assert caller.subject == pseudonym
            known = store.get(pseudonym)
            if isinstance(known, Subject):
                said = opened(known, caller.sealed)
                assert (known.name, said["subject"]) == (name_of(number), name_of(number))
                assert said["email"] == f"mail-of-{name_of(number)}"
        pseudonyms = [subject.pseudonym for subject in (*erased, *living.values())]
        assert len(set(pseudonyms)) == len(pseudonyms)
