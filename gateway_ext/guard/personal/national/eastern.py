"""Romania and Bulgaria."""

from __future__ import annotations

from stdnum.bg import egn, pnf
from stdnum.ro import cnp

from gateway_ext.guard.personal.national.identifier import MONTH_DAY, NationalIdentifier, digits

IDENTIFIERS = (
    NationalIdentifier(
        name="ro_cnp",
        shape=digits(13),
        is_valid=cnp.is_valid,
        words="cnp | cod numeric | codul numeric | codului numeric | romanian",
        alone=rf"(?:[1278]\d\d|[56][0-3]\d){MONTH_DAY}\d{{6}}",
        reads_compact=True,
    ),
    NationalIdentifier(
        name="bg_egn",
        shape=digits(10),
        is_valid=egn.is_valid,
        words="егн | egn | единен граждански номер | единния граждански номер | bulgarian",
    ),
    NationalIdentifier(
        name="bg_lnch",
        shape=digits(10),
        is_valid=pnf.is_valid,
        words="лнч | lnch | lnc | личен номер",
    ),
)
