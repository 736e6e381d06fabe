"""Compares ways to fuse on the answers that `make eval` kept: nDCG@10 by set, beside each leg alone.

Prints a row a way, with each of `--lexical-weights` and `--supports`. Choose on sets that nothing is reported on.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from sagwan_bench.ranking import ndcg
from sagwan_search.domain.fusion import Candidate, Fusion, Leg, Method, fuse
from sagwan_search.domain.neighbors import Place, supported

_ANSWERS = Path(__file__).resolve().parent.parent / "var" / "eval" / "answers"
_LEGS = {"bm25": Leg.LEXICAL, "vector": Leg.VECTOR}


def main() -> int:
    """Reads, fuses and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sets", nargs="*", help="files below var/eval/answers without .json; all when none is named")
    parser.add_argument("--lexical-weights", type=float, nargs="+", default=[0.5, 0.7, 1.0, 2.0])
    parser.add_argument("--supports", type=float, nargs="+", default=[0.0, 0.3, 0.5, 0.7])
    options = parser.parse_args()
    names = options.sets or sorted(file.stem for file in _ANSWERS.glob("*.json"))
    sets = {name: json.loads((_ANSWERS / f"{name}.json").read_text(encoding="utf-8")) for name in names}
    print(f"{'nDCG@10':<44}" + "".join(f"{name[-16:]:>17}" for name in sets))
    for label, legs, fusion in _ways(options.lexical_weights, options.supports):
        values = [fmean(_ndcg(question, legs, fusion) for question in questions) for questions in sets.values()]
        print(f"{label:<44}" + "".join(f"{value:>17.4f}" for value in values), flush=True)
    return 0


def _ways(weights: Sequence[float], supports: Sequence[float]) -> Iterator[tuple[str, Sequence[str], Fusion]]:
    for leg in _LEGS:
        yield leg, [leg], Fusion(Method.RRF)
    for method in Method:
        for weight in [1.0] if method is Method.RRF else weights:
            for support in supports:
                label = f"{method.value} lexical {weight:g} support {support:g}"
                yield label, list(_LEGS), Fusion(method, lexical=weight, neighbor_support=support)


def _ndcg(question: Mapping[str, Any], legs: Sequence[str], fusion: Fusion) -> float:
    document_of: dict[int, str] = {}
    places: dict[int, Place] = {}
    meeting_keys: dict[str, int] = {}
    rankings: dict[Leg, list[Candidate]] = {}
    for leg in legs:
        for document, chunk_id, score, meeting_id, ordinal in question[leg]:
            document_of[chunk_id] = document
            places[chunk_id] = Place(meeting_keys.setdefault(meeting_id, len(meeting_keys)), ordinal)
            rankings.setdefault(_LEGS[leg], []).append(Candidate(chunk_id, score))
    fused = fuse(rankings, fusion, match_share=question["match_share"])
    if fusion.neighbor_support:
        fused = supported(fused, places, fusion.neighbor_support)
    documents = dict.fromkeys(document_of[each.chunk_id] for each in fused)
    gains = question["gains"]
    return ndcg((gains.get(document, 0) for document in documents), gains.values())


if __name__ == "__main__":
    sys.exit(main())
