"""What was looked for otherwise, on a terminal."""

import io

from rich.console import Console

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.corrections import print_corrections


def test_each_correction_is_a_line_and_control_characters_stay_out():
    file = io.StringIO()
    corrections = [
        search_pb2.Correction(written="김철소", replacement="김철수", applied=True),
        search_pb2.Correction(written="wen\x1b[31m harow", replacement="Wen Harrow"),
    ]
    print_corrections(Console(file=file, width=100), corrections)
    first, second = file.getvalue().splitlines()
    assert first == "Looked for 김철수 instead of 김철소."
    assert second.endswith("Did you mean Wen Harrow?")
    assert "\x1b" not in file.getvalue()
