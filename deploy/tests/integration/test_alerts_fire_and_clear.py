"""The other alerts, run by promtool: each fires when it should, is silent below, clears, and bears silence."""

import pytest
from promtool import outcome, steps

pytestmark = pytest.mark.observability

FIRES, SILENT = [""], []


def held(*phases):
    """A gauge's samples: values and how many steps each is held."""
    return " ".join(f"{value}x{count - 1}" for value, count in phases)


def up(*phases):
    return {'up{job="search",instance="a"}': held(*phases)}


def degraded(*phases):
    """Questions a minute, those that lack a leg, minutes."""
    return {
        'sagwan_search_stage_seconds_count{job="search",stage="total"}': steps(*((a, n) for a, _, n in phases)),
        # The same questions again, by stages that not every one of them has.
        'sagwan_search_stage_seconds_count{job="search",stage="vector"}': steps(*((a - b, n) for a, b, n in phases)),
        'sagwan_search_degraded_total{job="search",reason="vector_leg"}': steps(*((b, n) for _, b, n in phases)),
    }


def calls(*phases):
    """Calls in flight, half of them of each of two methods, and minutes; 100 may be."""
    return {
        'grpc_server_calls_in_flight{job="search",instance="a",grpc_method="m/A"}': held(
            *((v / 2, n) for v, n in phases)
        ),
        'grpc_server_calls_in_flight{job="search",instance="a",grpc_method="m/B"}': held(
            *((v / 2, n) for v, n in phases)
        ),
        'grpc_server_calls_in_flight_max{job="search",instance="a"}': held((100, sum(n for _, n in phases))),
    }


def pool(*phases):
    """Busy connections of ten, transactions that wait, minutes."""
    at = 'job="ingest",instance="a"'
    return {
        f'sagwan_database_connections{{{at},state="busy"}}': held(*((busy, n) for busy, _, n in phases)),
        f'sagwan_database_connections{{{at},state="idle"}}': held(*((10 - busy, n) for busy, _, n in phases)),
        f"sagwan_database_connections_max{{{at}}}": held((10, sum(n for *_, n in phases))),
        f"sagwan_database_acquire_waiting{{{at}}}": held(*((waiting, n) for _, waiting, n in phases)),
    }


def refusals(*phases):
    """Calls a minute that ask for vectors, those that are refused, minutes."""
    at = 'job="embedder",instance="a"'
    embed = 'grpc_method="sagwan.embedder.v1.EmbedderService/Embed"'
    return {
        f"grpc_server_call_started_total{{{at},{embed}}}": steps(*((a, n) for a, _, n in phases)),
        # Health of another kind: asks for no vector and is never refused.
        f'grpc_server_call_started_total{{{at},grpc_method="sagwan.embedder.v1.EmbedderService/GetModel"}}': steps(
            *((9_000, n) for *_, n in phases)
        ),
        f'sagwan_embedder_refused_total{{{at},kind="passage",reason="full"}}': steps(*((b, n) for _, b, n in phases)),
    }


def cpu(job):
    """Cores used of two, calls a minute, minutes."""

    def of(*phases):
        at = f'job="{job}",instance="a"'
        return {
            f"process_cpu_seconds_total{{{at}}}": steps(*((round(cores * 60, 3), n) for cores, _, n in phases)),
            f"sagwan_process_cores{{{at}}}": held((2, sum(n for *_, n in phases))),
            f'grpc_server_call_started_total{{{at},grpc_method="m/A"}}': steps(*((a, n) for _, a, n in phases)),
        }

    return of


def memory(*phases):
    """MB at the beginning, MB a minute, minutes."""
    samples, now = [], 0.0
    for begins, growth, count in phases:
        now = begins
        samples.append(f"{now * 1e6:.0f}+{growth * 1e6:.0f}x{count - 1}")
    at = 'job="embedder",instance="a"'
    return {
        f"process_resident_memory_bytes{{{at}}}": " ".join(samples),
        f"process_start_time_seconds{{{at}}}": held((0, sum(n for *_, n in phases))),
    }


def recall(*phases):
    """Recall@10 as measured, what is aimed at, minutes."""
    return {
        'sagwan_index_recall{job="search",instance="a"}': held(*((found, n) for found, _, n in phases)),
        'sagwan_index_recall_target{job="search",instance="a"}': held(*((aim, n) for _, aim, n in phases)),
    }


def lists(kind, *phases):
    """Rows, lists, minutes of an index."""
    return {
        'sagwan_index_rows{job="search",instance="a"}': held(*((rows, n) for rows, _, n in phases)),
        'sagwan_index_lists{job="search",instance="a"}': held(*((made, n) for _, made, n in phases)),
        f'sagwan_index_kind{{job="search",instance="a",kind="{kind}"}}': held((1, sum(n for *_, n in phases))),
    }


def upkeep(outcome, *phases):
    """Builds an hour, hours."""
    labels = f'job="search",instance="a",action="build",outcome="{outcome}"'
    return {f"sagwan_index_upkeep_total{{{labels}}}": steps(*((hourly / 60, hours * 60) for hourly, hours in phases))}


CASES = {
    "IndexRecallLow": [
        ("92 % where 95 are aimed at", recall((0.92, 0.95, 150)), {"140m": FIRES}),
        ("94 % where 95 are aimed at", recall((0.94, 0.95, 150)), {"140m": SILENT}),
        ("never measured", recall((-1, 0.95, 150)), {"140m": SILENT}),
        ("mended within the hour", recall((0.9, 0.95, 60), (0.96, 0.95, 100)), {"150m": SILENT}),
        ("over", recall((0.9, 0.95, 150), (0.96, 0.95, 10)), {"140m": FIRES, "152m": SILENT}),
    ],
    "IndexOutgrown": [
        ("26,000 rows on 100 lists", lists("ivfflat", (26_000, 100, 150)), {"140m": FIRES}),
        ("24,000 rows on 100 lists", lists("ivfflat", (24_000, 100, 150)), {"140m": SILENT}),
        ("a graph has no lists", lists("hnsw", (26_000, 0, 150)), {"140m": SILENT}),
        ("lists of an index that is not in use", lists("hnsw", (26_000, 100, 150)), {"140m": SILENT}),
        ("built anew", lists("ivfflat", (26_000, 100, 150), (26_000, 161, 10)), {"140m": FIRES, "155m": SILENT}),
    ],
    "IndexUpkeepFails": [
        ("four times in an hour", upkeep("failed", (4.2, 2)), {"90m": FIRES}),
        ("twice in an hour", upkeep("failed", (2, 2)), {"90m": SILENT}),
        ("done, and often", upkeep("done", (60, 2)), {"90m": SILENT}),
        ("over", upkeep("failed", (10, 2), (0, 2)), {"90m": FIRES, "190m": SILENT}),
    ],
    "ServiceDown": [
        ("down for three minutes", up((1, 10), (0, 4)), {"13m": FIRES}),
        ("down for one scrape", up((1, 10), (0, 1), (1, 10)), {"10m": SILENT, "15m": SILENT}),
        ("up again", up((1, 10), (0, 5), (1, 5)), {"14m": FIRES, "16m": SILENT}),
    ],
    "SearchDegraded": [
        ("6 % of the questions", degraded((100, 6, 30)), {"28m": FIRES}),
        ("4 % of the questions", degraded((100, 4, 30)), {"28m": SILENT}),
        ("for a moment", degraded((100, 0, 20), (100, 100, 1), (100, 0, 5)), {"22m": SILENT}),
        ("over", degraded((100, 50, 30), (100, 0, 30)), {"28m": FIRES, "45m": SILENT}),
        ("one question a minute", degraded((1, 1, 40)), {"38m": SILENT}),
        ("nobody asks", degraded((100, 50, 5), (0, 0, 60)), {"50m": SILENT}),
    ],
    "CallsNearLimit": [
        ("82 of 100", calls((82, 12)), {"10m": FIRES}),
        ("78 of 100", calls((78, 12)), {"10m": SILENT}),
        ("for three minutes", calls((10, 5), (95, 3), (10, 5)), {"7m": SILENT, "12m": SILENT}),
        ("over", calls((95, 12), (10, 5)), {"11m": FIRES, "13m": SILENT}),
        (
            "not listening yet",
            {**calls((0, 12)), 'grpc_server_calls_in_flight_max{job="search",instance="a"}': "0x12"},
            {"11m": SILENT},
        ),
    ],
    "DatabasePoolExhausted": [
        ("all busy, and calls wait", pool((10, 2, 15)), {"14m": FIRES}),
        ("all busy, and nobody waits", pool((10, 0, 15)), {"14m": SILENT}),
        ("calls wait for their first connection", pool((8, 2, 15)), {"14m": SILENT}),
        ("over", pool((10, 2, 15), (3, 0, 10)), {"14m": FIRES, "21m": SILENT}),
    ],
    "EmbedderRefusesWork": [
        ("6 % of the calls", refusals((100, 6, 40)), {"35m": FIRES}),
        ("4 % of the calls", refusals((100, 4, 40)), {"35m": SILENT}),
        ("over", refusals((100, 50, 40), (100, 0, 30)), {"38m": FIRES, "55m": SILENT}),
        ("one call a minute", refusals((1, 1, 40)), {"35m": SILENT}),
    ],
    "CpuSaturated": [
        ("92 % of the cores", cpu("search")((1.84, 100, 40)), {"35m": FIRES}),
        ("88 % of the cores", cpu("search")((1.76, 100, 40)), {"35m": SILENT}),
        ("the embedder in bulk work", cpu("embedder")((2, 100, 40)), {"35m": SILENT}),
        ("over", cpu("ingest")((2, 100, 40), (0.1, 100, 20)), {"35m": FIRES, "48m": SILENT}),
    ],
    "MemoryNearLimit": [
        ("455 MB", memory((455, 0, 20)), {"15m": FIRES}),
        ("445 MB", memory((445, 0, 20)), {"15m": SILENT}),
        ("a peak", memory((300, 0, 10), (480, 0, 5), (300, 0, 10)), {"14m": SILENT, "20m": SILENT}),
        ("over", memory((480, 0, 20), (300, 0, 10)), {"18m": FIRES, "21m": SILENT}),
    ],
    "MemoryGrows": [
        # 0.1 MB a minute are 144 a day.
        ("from 310 MB by 144 a day", memory((310, 0.1, 600)), {"590m": FIRES}),
        ("from 300 MB by 72 a day", memory((300, 0.05, 600)), {"590m": SILENT}),
        ("no more", memory((300, 0.12, 600), (372, 0, 480)), {"590m": FIRES, "1060m": SILENT}),
        ("warms up", memory((200, 2, 100), (400, 0, 400)), {"90m": SILENT, "200m": SILENT}),
    ],
    "IdleCpuHigh": [
        ("0.32 cores for nothing", cpu("search")((0.32, 0, 50)), {"45m": FIRES}),
        ("0.28 cores for nothing", cpu("search")((0.28, 0, 50)), {"45m": SILENT}),
        ("0.32 cores for calls", cpu("search")((0.32, 1, 50)), {"45m": SILENT}),
        ("over", cpu("search")((0.5, 0, 50), (0.05, 0, 30)), {"45m": FIRES, "65m": SILENT}),
    ],
}


@pytest.mark.parametrize(
    ("alert", "series", "expected"),
    [
        pytest.param(alert, series, expected, id=f"{alert}: {name}")
        for alert, cases in CASES.items()
        for name, series, expected in cases
    ],
)
def test_an_alert_is_as_it_should_be(tmp_path, alert, series, expected):
    assert not outcome(tmp_path, series, {time: {alert: windows} for time, windows in expected.items()})


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_bears_no_data(tmp_path, alert):
    assert not outcome(tmp_path, {"prometheus_build_info": "1x100"}, {"30m": {alert: SILENT}, "90m": {alert: SILENT}})
