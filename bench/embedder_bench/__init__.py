"""The measurements behind `make bench-embedder`, one file a claim.

`run` holds what every claim needs; `texts` makes what is embedded; `service` is the real thing in a process of its own
and `calls` asks it. `raw`, `exported` and `reference` are what it is compared with.
"""
