"""Builds the model folder once, at set-up: `python -m sagwan_embedder.build --output DIR`.

`weights` reads the 4-bit weights that a package on the Python index carries, `graph` writes them
as an ONNX graph in int8, `vocabulary` writes the tokenizer, `folder` puts the three files in
place. Nothing here is imported by the serving process.
"""
