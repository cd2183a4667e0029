"""France."""

from __future__ import annotations

from stdnum.fr import nif, nir

from gateway_ext.guard.personal.national.identifier import NationalIdentifier

# Sex (3, 4, 7 and 8 while being registered), year and month of birth, department, commune, order and key (INSEE). The
# month may also be 20–42 or 50–99, when it is not known. Departments 2A and 2B of Corsica count as 19 and 18.
_GAP = "[ .-]"
_ANY_MONTH = r"(?:0[1-9]|1[0-2]|[2-9]\d)"
_DEPARTMENT = r"(?:\d{2}|2[ABab])"

IDENTIFIERS = (
    NationalIdentifier(
        name="fr_nir",
        shape=f"{_GAP}?".join((r"[1-478]", r"\d{2}", _ANY_MONTH, _DEPARTMENT, r"\d{3}", r"\d{3}", r"\d{2}")),
        is_valid=nir.is_valid,
        words="nir | sécurité sociale | sécu | assuré social | insee",
        alone="|".join(
            (
                f"{_GAP}".join((r"[1-478]", r"\d{2}", _ANY_MONTH, _DEPARTMENT, r"\d{3}", rf"\d{{3}}{_GAP}?\d{{2}}")),
                rf"[1-478]\d{{2}}(?:0[1-9]|1[0-2]){_DEPARTMENT}\d{{6}} ?\d{{2}}",
            )
        ),
        reads_compact=True,
        confidence=0.99,
    ),
    NationalIdentifier(
        name="fr_spi",
        shape=r"[0-3]\d ?\d\d(?: ?\d{3}){3}",
        is_valid=nif.is_valid,
        words="spi | numéro fiscal | n fiscal | nif | référence fiscale | identifiant fiscal | french tax",
        alone=r"[0-3]\d \d\d(?: \d{3}){3}",
    ),
)
