"""Why an answer is as it is, as tables that stay readable at 80 columns."""

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.console import printable
from sagwan_client.cli.render import LEG_NAMES, milliseconds

_TERMS_MAX = 20
_TERMS_OF_A_HIT_MAX = 8
_BAR_CELLS = 30
# Of a leg's score: BM25 may be large, a cosine is not.
_SCORES = {search_pb2.LEG_LEXICAL: ("BM25", ".2f"), search_pb2.LEG_VECTOR: ("cosine", ".4f")}


def print_explanation(console: Console, answer: search_pb2.SearchResponse, *, first_rank: int = 1) -> None:
    """Prints how each hit came by its score, what the question's words weigh, what legs gave, where the time went."""
    if answer.hits:
        _print_section(
            console, "Hits: the score is the sum of what legs and neighbouring chunks add", _hits(answer, first_rank)
        )
    explanation = answer.explanation
    if explanation.terms:
        _print_section(console, "Terms of the question", _terms(explanation.terms))
        if len(explanation.terms) > _TERMS_MAX:
            console.print(Text(f"… and {len(explanation.terms) - _TERMS_MAX:,} that weigh less", style="dim"))
    if explanation.legs:
        _print_section(console, "Legs", _legs(explanation.legs))
        share = f"match share {explanation.match_share:.2f}: how much of the question the best lexical chunk says"
        console.print(Text(share, style="dim"))
    _print_section(console, "Time (the legs overlap)", _timings(answer.timings))
    if answer.model:
        console.print(Text(f"model {printable(answer.model)}", style="dim"))


def bar(value: float, largest: float, *, cells: int) -> Text:
    """A bar as long as a value is in comparison; the smallest that is not nothing still shows."""
    length = round(cells * value / largest) if largest > 0 else 0
    return Text("━" * max(length, 1 if value > 0 else 0), style="blue")


def _print_section(console: Console, title: str, table: Table) -> None:
    console.print(Text(title, style="bold"))
    # Columns are set for the width of the console, whatever folds its other lines.
    console.print(table, soft_wrap=False)


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")


def _hits(answer: search_pb2.SearchResponse, first_rank: int) -> Table:
    legs = sorted({each.leg for hit in answer.hits for each in hit.legs if each.leg in _SCORES})
    table = _table()
    table.add_column("\n#", justify="right", no_wrap=True)
    table.add_column("\nscore", justify="right", no_wrap=True)
    for leg in legs:
        table.add_column(f"{LEG_NAMES[leg]}\n{'#':>3} {_SCORES[leg][0]:>6} {'adds':>6}", no_wrap=True)
    table.add_column("nearby\nadds", justify="right", no_wrap=True)
    table.add_column("terms\nand their IDF", overflow="fold")
    for rank, hit in enumerate(answer.hits, start=first_rank):
        scores = {each.leg: each for each in hit.legs}
        table.add_row(
            str(rank),
            f"{hit.score:.3f}",
            *(_leg_cell(scores.get(leg), leg) for leg in legs),
            f"{hit.neighbor_support:+.3f}" if hit.neighbor_support else "-",
            _matched(hit.matched_terms),
        )
    return table


def _leg_cell(score: search_pb2.LegScore | None, leg: search_pb2.Leg.ValueType) -> str:
    if score is None:
        return f"{'-':>3}"
    return f"{score.rank:>3} {format(score.score, _SCORES[leg][1]):>6} {score.contribution:+6.3f}"


def _matched(terms: Iterable[search_pb2.MatchedTerm]) -> Text:
    heaviest = sorted(terms, key=lambda each: -each.idf)
    shown = [f"{printable(each.term)}({each.idf:.1f})" for each in heaviest[:_TERMS_OF_A_HIT_MAX]]
    if len(heaviest) > _TERMS_OF_A_HIT_MAX:
        shown.append(f"+{len(heaviest) - _TERMS_OF_A_HIT_MAX}")
    return Text(" ".join(shown) or "-")


def _terms(terms: Iterable[search_pb2.MatchedTerm]) -> Table:
    heaviest = sorted(terms, key=lambda each: -each.idf)[:_TERMS_MAX]
    table = _table()
    table.add_column("term", overflow="fold")
    table.add_column("IDF", justify="right", no_wrap=True)
    table.add_column("chunks", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for each in heaviest:
        count = f"{each.document_count:,}" if each.document_count else "none"
        weight = bar(each.idf if each.document_count else 0.0, heaviest[0].idf, cells=_BAR_CELLS)
        table.add_row(Text(printable(each.term)), f"{each.idf:.2f}", count, weight)
    return table


def _legs(legs: Iterable[search_pb2.LegPlan]) -> Table:
    plans = list(legs)
    table = _table()
    table.add_column("leg", no_wrap=True)
    table.add_column("weight", justify="right", no_wrap=True)
    table.add_column("candidates", justify="right", no_wrap=True)
    # Not every version of the service says what follows.
    deep, chosen = any(each.depth for each in plans), any(each.choice for each in plans)
    if deep:
        table.add_column("asked for", justify="right", no_wrap=True)
    if chosen:
        table.add_column("how", overflow="fold")
    for each in plans:
        row: list[str | Text] = [LEG_NAMES.get(each.leg, "?"), f"{each.weight:g}", f"{each.candidate_count:,}"]
        row += [f"{each.depth:,}" if each.depth else "-"] if deep else []
        row += [Text(printable(each.choice) or "-")] if chosen else []
        table.add_row(*row)
    return table


def _timings(timings: search_pb2.SearchTimings) -> Table:
    table = _table()
    table.show_header = False
    table.add_column("stage", no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    total_ms = milliseconds(timings.total)
    # Fields come in the order of their numbers, which is that of the stages.
    for stage, duration in timings.ListFields():
        stage_ms = milliseconds(duration)
        table.add_row(stage.name, f"{stage_ms:.1f} ms", bar(stage_ms, total_ms, cells=_BAR_CELLS))
    return table
