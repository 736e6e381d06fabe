"""What the embedder knows without a model in hand: which model it serves, and how texts share a batch."""
