"""Metrics that no dashboard and no alert reads, each with its reason."""

UNUSED = {
    "python_info": "the version of Python is the image's, and the library gives it unasked",
    "process_virtual_memory_bytes": "address space is free; resident memory is what limits hold",
}
