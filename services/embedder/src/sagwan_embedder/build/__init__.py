"""Builds the model folder once, at set-up: `python -m sagwan_embedder.build --output DIR`.

`weights` reads the 4-bit weights that a package on the Python index carries, `graph` writes them as an ONNX graph in
int8, `vocabulary` and `normalization` write the tokenizer, `reference` writes the same model for sentence-transformers,
`folder` knows which files belong together and `placing` puts them in place. Other models come by `export`, with what
`head` adds to their graph. Nothing here is imported by the serving process.
"""
