"""Run as a script: becomes the given program, which the kernel kills when the process that started it ends.

A script, and no `preexec_fn`: code that runs between fork and exec in a process with threads meets their locks and
fork handlers; gRPC's end the child. Arguments: the parent's process id, the program, its arguments.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2); kept across exec


def main() -> None:
    parent, *argv = sys.argv[1:]
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):  # it ended before prctl
        sys.exit(1)
    try:
        os.execvp(argv[0], argv)  # noqa: S606  (that is the purpose)
    except OSError as error:
        sys.exit(f"{argv[0]}: cannot be started ({error.strerror})")


if __name__ == "__main__":
    main()
