"""Hybrid search over meetings.

A search is one corridor: `servicer` -> `convert` -> `searching` -> `adapters` (embedder, PostgreSQL) -> `domain.fusion`
-> `convert`. `app` wires it, `ports` says what the use case needs from the outside, `domain` decides and computes.
"""
