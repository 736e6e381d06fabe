"""What talks to the world: the model's folder, its tokenizer, and the runtime that runs it."""
