import pytest

from sagwan_bench.memory import in_status

STATUS = "Name:\tpython\nVmPeak:\t  900000 kB\nVmHWM:\t  390625 kB\nVmRSS:\t  125000 kB\nThreads:\t3\n"


def test_sizes_are_in_millions_of_bytes():
    assert in_status(STATUS, "VmHWM") == 400
    assert in_status(STATUS, "VmRSS") == 128


def test_a_process_that_holds_no_memory_any_more_is_told_apart():
    with pytest.raises(ValueError, match="VmRSS"):
        in_status("Name:\tpython\nState:\tZ (zombie)\n", "VmRSS")
