"""What a process's memory is, as Linux tells it. An MB is 10^6 bytes."""

from pathlib import Path

_BYTES_IN_KIB = 1_024
_BYTES_IN_MB = 1e6


def resident_mb(pid: int) -> float:
    """What of a process's memory is resident now (VmRSS)."""
    return in_status(_status(pid), "VmRSS")


def peak_resident_mb(pid: int) -> float:
    """The most that was ever resident (VmHWM)."""
    return in_status(_status(pid), "VmHWM")


def in_status(status: str, field: str) -> float:
    """A size in the text of `/proc/<pid>/status`, in MB.

    Raises:
        ValueError: The field is not there, as with a process that has ended and was not waited for.
    """
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * _BYTES_IN_KIB / _BYTES_IN_MB
    raise ValueError(f"the process's status says no {field}")


def _status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
