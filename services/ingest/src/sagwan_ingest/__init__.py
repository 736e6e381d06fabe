"""Meetings in, durable and searchable.

An ingest is one corridor: `servicer` -> `convert` (turns) or `domain.formats` (bytes) -> `ingestion` -> `adapters`
(embedder, PostgreSQL). `domain` parses, checks and cuts chunks; one transaction writes; the ack comes after COMMIT.
"""
