from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.guard import benign
from gateway_ext.guard.cache import Match
from gateway_ext.guard.detector import Kind


def find(text: str) -> Sequence[Match]:
    return [Match(Kind("email", "1", "personal"), 0, 1, 1.0, "")] * text.count("@")


def test_findings_less_those_that_are_right_are_false(tmp_path: Path) -> None:
    right = benign.RIGHT["bipia-email-train.jsonl", "email"]
    lines = [json.dumps({"mail": ["a@b\u2028c", 7], "to": "@" * right}, ensure_ascii=False), ""]
    (tmp_path / "bipia-email-train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "mt-bench.jsonl").write_text('{"turns": ["nothing"]}\n', encoding="utf-8")
    (tmp_path / "other.json").write_text('"@"', encoding="utf-8")
    mail, bench = sorted(benign.benign_files(find, tmp_path), key=lambda file: file.name)
    assert (mail.findings, mail.false) == ({"email": right + 1}, {"email": 1})
    assert mail.characters == len("a@b\u2028c") + right
    assert (bench.findings, bench.false, bench.characters) == ({}, {}, len("nothing"))


def test_a_directory_without_the_sets_gives_nothing(tmp_path: Path) -> None:
    assert list(benign.benign_files(find, tmp_path)) == []
