"""Italy, Malta, Greece and Cyprus."""

from __future__ import annotations

from stdnum.cy import vat as cypriot_tic
from stdnum.gr import amka
from stdnum.gr import vat as afm
from stdnum.it import codicefiscale

from gateway_ext.guard.personal.national.identifier import NationalIdentifier, digits

# Letters stand for digits, from the last one on, where two people would have the same code (omocodia).
_DIGIT = "[0-9LMNP-V]"
_NAMES = r"[A-Z]{3}[ -]?[A-Z]{3}[ -]?"
_BIRTH = rf"\d\d[A-EHLMPRST]{_DIGIT}{{2}}[ -]?[A-Z]{_DIGIT}{{3}}[ -]?[A-Z]"


def _is_maltese(number: str) -> bool:
    """There is no check digit (Identità Malta)."""
    return int(number[:-1]) > 0


IDENTIFIERS = (
    NationalIdentifier(
        name="it_codice_fiscale",
        shape=_NAMES + _BIRTH,
        is_valid=codicefiscale.is_valid,
        alone=f"(?i:{_NAMES}{_BIRTH})",
        alone_hint=rf"(?i:{_BIRTH})",  # letters are everywhere
        reads_compact=True,
        confidence=0.99,
    ),
    NationalIdentifier(
        name="mt_identity_card",
        shape=r"\d{3,7}[ ]?\(?[MGAPLHBZ]\)?",
        is_valid=_is_maltese,
        words="karta tal identità | karta ta l identità | id card | identity card | maltese | malta",
        gaps=" ()",
        hint=r"\d{3}",
        confidence=0.7,
    ),
    NationalIdentifier(
        name="gr_amka",
        shape=digits(11),
        is_valid=amka.is_valid,
        words="αμκα | amka | α μ κ α | μητρώου κοινωνικής | κοινωνικής ασφάλισης",
    ),
    NationalIdentifier(
        name="gr_afm",
        shape=digits(9),
        is_valid=afm.is_valid,
        words="αφμ | afm | α φ μ | φορολογικού μητρώου | φορολογικό μητρώο | greek tax",
    ),
    NationalIdentifier(
        name="cy_tic",
        shape=r"\d{8}[ -]?[A-Z]",
        is_valid=cypriot_tic.is_valid,
        words="αφτ | tic | α φ τ | φορολογικής ταυτότητας | tax identification code | cypr",
    ),
)
