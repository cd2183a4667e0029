from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.confidential.documents import RegisteredDocument
from gateway_ext.guard.confidential.registry import DocumentTooShortError, document, load, locked, save
from gateway_ext.guard.confidential.shingles import Shingler
from tests.unit.guard.confidential.writing import prose

KEY = b"k" * 32
SHINGLER = Shingler(KEY)
NOW = 1_780_000_000_000_000_000


def made(seed: int, label: str = "label") -> RegisteredDocument:
    return document(prose(seed), label, KEY, SHINGLER, NOW)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "documents.jsonl"
    save(path, [made(1, "Vertrag Ä\n1"), made(2)], KEY)
    first, second = load(path, KEY)
    assert (first.id, first.label, first.registered_unix_seconds) == (made(1).id, "Vertrag Ä\n1", 1_780_000_000)
    assert np.array_equal(first.shingles.digests, made(1).shingles.digests)
    assert np.array_equal(first.shingles.bits, made(1).shingles.bits)
    assert second.id == made(2).id
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["documents.jsonl"]


def test_no_text_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "documents.jsonl"
    save(path, [made(1)], KEY)
    stored = path.read_text().lower()
    assert not any(word in stored for word in prose(1).lower().split() if len(word) > 7)


def test_the_id_is_that_of_the_letters() -> None:
    assert document(prose(1).upper().replace(" ", "\n"), "x", KEY, SHINGLER, NOW).id == made(1).id
    assert document(prose(1), "x", b"o" * 32, SHINGLER, NOW).id != made(1).id


def test_a_short_document_is_refused() -> None:
    with pytest.raises(DocumentTooShortError, match="200 letters"):
        document("a, " * 199, "x", KEY, SHINGLER, NOW)


def test_no_file_is_an_empty_registry(tmp_path: Path) -> None:
    assert load(tmp_path / "documents.jsonl", KEY) == ()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", r":1: damaged"),
        (lambda data: b"{}\n", "register the documents again"),
        (lambda data: data.replace(b"documents 1", b"documents 9"), "register the documents again"),
        (lambda data: data[: len(data) // 2], r":2: damaged"),
        (lambda data: data + b"[]\n", r":3: damaged"),
        (lambda data: data.replace(b'"shingles": "', b'"shingles": "AAAA'), r":2: damaged"),
        (lambda data: data.replace(b'"label"', b'"lable"'), r":2: damaged"),
    ],
)
def test_a_damaged_registry_is_refused(tmp_path: Path, damage: object, message: str) -> None:
    path = tmp_path / "documents.jsonl"
    save(path, [made(1)], KEY)
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ConfigurationError, match=message):
        load(path, KEY)


def test_another_key_is_told_apart_from_damage(tmp_path: Path) -> None:
    path = tmp_path / "documents.jsonl"
    save(path, [made(1)], KEY)
    with pytest.raises(ConfigurationError, match="another fingerprint key"):
        load(path, b"o" * 32)


def test_a_failed_write_leaves_the_old_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "documents.jsonl"
    save(path, [made(1)], KEY)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        save(path, [made(1), made(2)], KEY)
    assert len(load(path, KEY)) == 1
    assert os.listdir(tmp_path) == ["documents.jsonl"]


def test_a_second_writer_waits(tmp_path: Path) -> None:
    path = tmp_path / "documents.jsonl"
    seen: list[bool] = []

    def second() -> None:
        with locked(path):
            seen.append(path.exists())

    writer = threading.Thread(target=second)
    with locked(path):
        writer.start()
        writer.join(0.05)
        assert writer.is_alive()
        save(path, [made(1)], KEY)
    writer.join(10)
    assert seen == [True]
