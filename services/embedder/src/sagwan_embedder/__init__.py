"""Texts to vectors.

`servicer` -> `convert` -> `embedding` (one queue, one worker) -> `adapters` (tokenizer, ONNX Runtime). `domain` plans
batches and knows what a model is; `build` makes the default model's folder at set-up and is not imported to serve.
"""
