"""`gateway-ext` on a disk whose fsync(2) of audit segments fails: arguments are those of the command."""

import errno
import os
import sys

from gateway_ext.audit.segment_writer import SegmentWriter
from gateway_ext.audit.spool import Spool
from gateway_ext.cli.main import main


def fail(_: SegmentWriter) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def begin_run_and_write(spool: Spool) -> None:
    begin_run(spool)
    spool._sync.wrote()  # as if a record had been appended: the next round syncs


begin_run = Spool._begin_run
Spool._begin_run = begin_run_and_write  # type: ignore[method-assign, assignment]  # the fault to be tested
SegmentWriter.sync = fail  # type: ignore[method-assign, assignment]  # the fault to be tested

if __name__ == "__main__":
    sys.exit(main())
