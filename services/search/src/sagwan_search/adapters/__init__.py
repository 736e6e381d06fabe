"""What talks to the world: PostgreSQL and the embedder."""
