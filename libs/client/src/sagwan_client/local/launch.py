"""What starts in each child process: `python launch.py PARENT_PID MODULE` becomes `python -m MODULE`.

On Linux it first asks the kernel to end the process with SIGTERM when its parent dies, so that a killed supervisor
leaves no services behind. The request outlives the exec. It is a program of its own because code between fork and exec
is not safe in a parent that has threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Replaces this process by the module."""
    parent_pid, module = int(sys.argv[1]), sys.argv[2]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent_pid:
            raise SystemExit("the supervisor is gone")
    os.execv(sys.executable, [sys.executable, "-m", module])  # noqa: S606  # our own interpreter


if __name__ == "__main__":
    main()
