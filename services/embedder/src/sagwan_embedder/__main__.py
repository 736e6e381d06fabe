"""`sagwan-embedder` serves; `sagwan-embedder export MODEL --output DIR` makes a model's folder to serve."""

import argparse
import logging
import sys
from pathlib import Path

from sagwan_embedder.domain.model import ModelUnusable, Quantization
from sagwan_embedder.extras import extra


def main() -> int:
    """Does what the command line says; an error that a person can mend is one line."""
    parser = argparse.ArgumentParser(prog="sagwan-embedder", description="Turns texts into vectors. Serves by default.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    export = commands.add_parser("export", help="write a sentence-transformers model for serving without torch")
    export.add_argument("model", metavar="MODEL", help="name on a hub, or folder")
    export.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder that will hold the model")
    export.add_argument("--quantization", type=Quantization, choices=list(Quantization), default=Quantization.INT8_AVX2)
    arguments = parser.parse_args()
    try:
        if arguments.command == "export":
            return _export(arguments.model, arguments.output.absolute(), arguments.quantization)
        return _serve()
    except ModelUnusable as error:
        sys.stderr.write(f"sagwan-embedder: {error}\n")
        return 1


def _serve() -> int:
    from sagwan_embedder.processes import serve_in_processes
    from sagwan_embedder.settings import EmbedderSettings

    return 0 if serve_in_processes(EmbedderSettings()) else 1


def _export(model: str, folder: Path, quantization: Quantization) -> int:
    with extra("export"):
        from sagwan_embedder.build.export import export_model
    # The libraries report every step of a normal export as a warning.
    logging.disable(logging.WARNING)
    exported = export_model(model, folder, quantization)
    card = exported.card
    sys.stdout.write(
        f"exported {card.name} ({card.revision}, {card.quantization}) to {folder}: {card.dimension} dimensions,"
        f" cosine to torch at least {exported.cosine_min:.4f}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
