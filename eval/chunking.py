"""Measures ways to cut chunks on meetings with labelled turns: nDCG@10 and coverage@1000 by leg, all meetings.

Prints a row a figure and writes var/eval/chunking.json. Choose on `qmsum/train`, then look once at `qmsum/val`.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from sagwan_eval.chunk_variants import Measurer, Variant
from sagwan_eval.spans import load_spans

from sagwan_bench.environment import describe
from sagwan_bench.results import Figure, printed, write_results

_ROOT = Path(__file__).resolve().parent.parent
_VARIANTS = (
    Variant(120, 200),
    Variant(160, 300),
    Variant(220, 400),
    Variant(300, 480),
    Variant(360, 500),
    Variant(220, 400, overlap_words=40),
    Variant(220, 400, heading=True),
)


def main() -> int:
    """Measures, prints and writes."""
    names = [each.name for each in _VARIANTS]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of a set, such as ../shared/eval/qmsum/train")
    parser.add_argument("--meetings", type=int, help="about so many of its meetings, evenly spread")
    parser.add_argument("--only", nargs="*", choices=names, default=names, help="these variants")
    options = parser.parse_args()
    if not (options.data / "spans.jsonl").is_file():
        print(f"no spans.jsonl in {options.data}", file=sys.stderr)
        return 2
    spans = load_spans(options.data, meetings_max=options.meetings)
    print(f"# {len(spans.meetings)} meetings, {len(spans.questions)} questions", flush=True)
    measurer = Measurer(_ROOT / "var" / "model", spans)
    variants = [each for each in _VARIANTS if each.name in options.only]
    figures = printed(figure for variant in variants for figure in _figures(variant, measurer))
    environment = describe(_ROOT, options.data / "meetings.jsonl")
    environment |= {"meetings": len(spans.meetings), "questions": len(spans.questions)}
    write_results(_ROOT / "var" / "eval" / "chunking.json", environment, figures)
    return 0


def _figures(variant: Variant, measurer: Measurer) -> Iterator[Figure]:
    found = measurer.quality(variant)
    yield Figure(f"{variant.name}_chunks", found.chunks, "chunks")
    for leg in found.ndcg:
        yield Figure(f"{variant.name}_{leg}_ndcg", found.ndcg[leg], "nDCG@10")
        yield Figure(f"{variant.name}_{leg}_coverage", found.coverage[leg], "coverage@1000")


if __name__ == "__main__":
    sys.exit(main())
