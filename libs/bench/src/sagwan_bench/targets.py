"""The targets that came with the project: numbers that alerts, dashboards and `sagwan slo` share."""

SEARCH_P50_S = 0.5
SEARCH_P99_S = 1.0
EMBEDDED_TEXT_S = 0.1
RESIDENT_BYTES = 500e6
IDLE_CORES = 0.3
