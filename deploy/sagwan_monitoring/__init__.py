"""What watches Sagwan, as code: Prometheus' rules and Grafana's dashboards are written by this package and committed.

`objectives` says what is promised; `recording` and `alerts` make rules of it; `boards` holds a dashboard a file, made
of `panels`; `queries` writes PromQL; `unused` lists the metrics that nothing reads, each with its reason.
"""
