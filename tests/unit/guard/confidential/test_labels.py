from __future__ import annotations

import time

import pytest

from gateway_ext.guard.confidential.labels import label_detectors
from gateway_ext.guard.confidential.markings import DISTINCTIVE
from gateway_ext.guard.prefilter import Prefilter

DETECTORS = label_detectors()
PREFILTER = Prefilter([detector.patterns for detector in DETECTORS])


def found(text: str) -> set[tuple[str, str]]:
    """What the detectors confirm; the prefilter must have sent them there."""
    confirmed = {
        (detector.name, text[span.start : span.end])
        for detector in DETECTORS
        for span in detector.confirm(text, 0, len(text))
    }
    hits = {DETECTORS[index].name for index, _ in PREFILTER.hits(text.encode(), 1000)}
    assert {name for name, _ in confirmed} <= hits
    return confirmed


@pytest.mark.parametrize("marking", DISTINCTIVE)
def test_every_distinctive_marking_in_capitals(marking: str) -> None:
    assert ("label_classification", marking) in found(f"Das Dokument ist als {marking} eingestuft und bleibt hier.")
    assert found(f"x{marking}x") == set()


@pytest.mark.parametrize(
    ("text", "marking"),
    [
        ("CONFIDENTIEL DEFENSE", "CONFIDENTIEL DEFENSE"),
        ("VS – NUR FUER DEN DIENSTGEBRAUCH", "VS – NUR FUER DEN DIENSTGEBRAUCH"),
        ("Einstufung VS-NfD bleibt", "VS-NfD"),
        ("Streng vertraulich", "Streng vertraulich"),
        ("\r\n*** Strictly Confidential ***\r\n", "Strictly Confidential"),
        ("CONFIDENTIAL – INTERNAL USE ONLY", "CONFIDENTIAL"),
        ("Titel\n\n  RISERVATO\r\nTesto", "RISERVATO"),
        ("// CONFIDENTIAL", "CONFIDENTIAL"),
        ("[VERTRAULICH] Seite 3 von 12", "VERTRAULICH"),
        ("ACME GmbH – CONFIDENTIAL", "CONFIDENTIAL"),
        ("POUFNE - Umowa ramowa 2026", "POUFNE"),
        ("**Classification:** Confidential", "Confidential"),
        ("Klassifizierung: vertraulich", "vertraulich"),
        ("Niveau de confidentialité : Confidentiel", "Confidentiel"),
        ("ΕΜΠΙΣΤΕΥΤΙΚΟ", "ΕΜΠΙΣΤΕΥΤΙΚΟ"),
    ],
)
def test_standing_markings(text: str, marking: str) -> None:
    assert ("label_classification", marking) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Please keep this confidential.",
        "The report is CONFIDENTIAL and must not be shared",
        "der Vertrag ist streng vertraulich zu behandeln",
        "What is a strictly confidential document?",
        "    CONFIDENTIAL = 3",
        "    CONFIDENTIAL,",
        'LEVELS = ["PUBLIC", "CONFIDENTIAL"]',
        "case CONFIDENTIAL:",
        "PUBLIC, INTERNAL, CONFIDENTIAL",
        "Public\nInternal\nConfidential\nRestricted",
        "| CONFIDENTIAL | 3 |",
        "Confidentiality: the ability to keep secrets",
        "Sensitivity: 0.95, specificity: 0.9",
        "Sensitivity: Privately held",
        "CONFIDENTIALLY",
        "TLP:GREEN TLP:CLEAR TLP:REDACTED tlp:red",
        "MSIP_Label_Enabled",
    ],
)
def test_the_word_in_a_sentence_or_in_code_is_no_label(text: str) -> None:
    assert found(text) == set()


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("TLP:RED", ("label_tlp", "TLP:RED")),
        ("Report (TLP:AMBER+STRICT), not for release", ("label_tlp", "TLP:AMBER+STRICT")),
        ("TLP: AMBER", ("label_tlp", "TLP: AMBER")),
        ('{"tag": "tlp:amber"}', ("label_tlp", '"tlp:amber"')),
        (
            "msip_labels: MSIP_Label_2096f6a2-d2f7-48be-b329-b73aaa526e5d_Enabled=true; x",
            ("label_mip", "MSIP_Label_2096f6a2-d2f7-48be-b329-b73aaa526e5d_Enabled"),
        ),
        (
            '<clbl:label id="{2096f6a2-d2f7-48be-b329-b73aaa526e5d}" enabled="1"',
            ("label_mip", 'clbl:label id="{2096f6a2-d2f7-48be-b329-b73aaa526e5d}"'),
        ),
        ("To: a\nSensitivity: Company-Confidential\n", ("label_mip", "Sensitivity: Company-Confidential")),
    ],
)
def test_labels_of_a_fixed_form(text: str, label: tuple[str, str]) -> None:
    assert label in found(text)


def test_a_long_line_is_no_header() -> None:
    assert found("CONFIDENTIAL" + " " * 200) == set()
    assert found("x" * 3000 + " STRENG GEHEIM") == {("label_classification", "STRENG GEHEIM")}


@pytest.mark.parametrize(
    "rest", [" " * 99 + "x", "- " * 50 + "x", "1 " * 50 + "x", "(" * 100, " CONFIDENTIAL" * 8 + "="]
)
def test_no_line_takes_long(rest: str) -> None:
    text = f"CONFIDENTIAL{rest}\n" * 10
    started = time.perf_counter()
    found(text)
    assert time.perf_counter() - started < 0.1
