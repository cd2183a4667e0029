"""A process that appends to a spool: arguments are spool directory, process name, number of records, pause in seconds.

Tells the number of accepted records on standard output, one line per record, after `append` has returned.
"""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock

RECORD = DecisionRecord(EventName.DECISION_FORWARDED, "", "forward", "d" * 64, "public", "192.0.2.1", model="large")


def main(directory: str, process: str, records: str, pause_seconds: str) -> None:
    spool = Spool(Path(directory), process, SystemClock())
    for number in range(1, int(records) + 1):
        spool.append(replace(RECORD, exchange_id=f"{process}-{number}"))
        os.write(1, b"%d\n" % number)
        time.sleep(float(pause_seconds))
    spool.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
