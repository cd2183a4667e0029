"""Estonia, Latvia and Lithuania.

Estonian and Lithuanian codes are made alike (ENSV standard of 1990), so only words tell one from the other.
"""

from __future__ import annotations

from stdnum.ee import ik
from stdnum.lt import asmens
from stdnum.lv import pvn

from gateway_ext.guard.personal.national.identifier import NationalIdentifier, digits

IDENTIFIERS = (
    NationalIdentifier(
        name="ee_isikukood",
        shape=digits(11),
        is_valid=ik.is_valid,
        words="isikukood | isiku kood | ik | estonian",
    ),
    NationalIdentifier(
        name="lv_personas_kods",
        shape=r"\d{6}[ -]?\d{5}",
        is_valid=lambda number: number < "4" and bool(pvn.is_valid(number)),  # from 4 on they are companies
        words="personas kod | pers kod | p k | latvian",
        alone=r"(?:[0-2]\d|3[0-2])\d{4}-\d{5}",
    ),
    NationalIdentifier(
        name="lt_asmens_kodas",
        shape=digits(11),
        is_valid=asmens.is_valid,
        words="asmens kod | asm kod | a k | lithuanian",
    ),
)
