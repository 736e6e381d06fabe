"""Compares ways to take Korean apart: morphemes, what stands between spaces, and pairs of characters.

Prints what BM25 finds with each over whole documents in memory, a row a figure with its 95 % interval.
"""

import argparse
import sys
from pathlib import Path

from sagwan_eval.analyses import Bm25Index, bigrams, spaced_words
from sagwan_eval.retrieval_sets import load_documents
from sagwan_eval.scoring import NDCG, RECALL, mean, measured

from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger

_SETS = ("ko_mrc", "seoul_edu/dev/qa_weak")
_DEPTH = 100


def main() -> int:
    """Analyses, asks, measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder of sets, such as ../shared/eval")
    options = parser.parse_args()
    missing = [name for name in _SETS if not (options.data / name / "corpus.jsonl").is_file()]
    if missing:
        print(f"no {', '.join(missing)} in {options.data}", file=sys.stderr)
        return 2
    analyze = Analyzer(load_tagger()).terms
    analyses = {
        "morphemes": lambda text: [term.text for term in analyze(text)],
        "words between spaces": spaced_words,
        "character bigrams": bigrams,
    }
    for name in _SETS:
        loaded = load_documents(options.data / name)
        documents = [(each, f"{found.title}\n{found.text}") for each, found in loaded.documents.items()]
        for label, analysis in analyses.items():
            index = Bm25Index(documents, analysis)
            rankings = {each: index.ranking(text, depth=_DEPTH) for each, text in loaded.questions.items()}
            values = measured(loaded.gains, rankings)
            for measure in (NDCG, RECALL):
                found = mean([values[measure][each] for each in rankings])
                interval = f"{found.value:.3f} ({found.low:.3f} … {found.high:.3f}) of {len(rankings)}"
                print(f"{name:<24} {label:<22} {measure:<10} {interval}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
