"""`python -m sagwan_embedder.build --output DIR`."""

import argparse
import sys
import time
from pathlib import Path

from sagwan_embedder.build.folder import Format, build_folder, current_card
from sagwan_embedder.build.weights import UnreadableWeights
from sagwan_embedder.domain.model import ModelUnusable


def main() -> int:
    """Builds the default model unless it is there; says which in one line."""
    parser = argparse.ArgumentParser(prog="python -m sagwan_embedder.build", description="Builds the embedding model.")
    parser.add_argument("--output", type=Path, required=True, help="folder that will hold the model")
    parser.add_argument(
        "--format",
        type=Format,
        choices=list(Format),
        default=Format.ONNX,
        help="int8 for the service (default), or float32 for sentence-transformers",
    )
    arguments = parser.parse_args()
    folder: Path = arguments.output.absolute()
    card = current_card(folder, arguments.format)
    if card is not None:
        print(f"{folder} already holds {card.name} ({card.revision}, {card.quantization})")
        return 0
    started = time.monotonic()
    try:
        card = build_folder(folder, arguments.format)
    except (UnreadableWeights, ModelUnusable) as error:
        print(error, file=sys.stderr)
        return 1
    megabytes = sum((folder / name).stat().st_size for name in card.files) / 1e6
    seconds = time.monotonic() - started
    print(f"built {card.name} ({card.revision}, {card.quantization}) in {folder}: {megabytes:.0f} MB, {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
