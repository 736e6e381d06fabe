"""Run by the interpreter that has torch: the model as ONNX, the way the documentation shows it.

The encoder of a sentence-transformers folder with mean pooling and L2 normalization behind it, through
`torch.onnx.export`, float32, nothing fused.
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModel

_OPSET = 17


class SentenceEncoder(torch.nn.Module):  # type: ignore[misc]  # types are checked where there is no torch
    """Token ids to unit vectors."""

    def __init__(self, encoder: torch.nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """[texts, tokens] to [texts, dimension]."""
        tokens = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(tokens.dtype)
        pooled = (tokens * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(pooled, dim=1)


def main() -> None:
    """Exports the folder that is the first argument to the file that is the second."""
    folder, file = map(Path, sys.argv[1:3])
    model = SentenceEncoder(AutoModel.from_pretrained(folder).eval())
    example = (torch.tensor([[0, 35_378, 8_999, 38, 2]] * 2), torch.ones((2, 5), dtype=torch.int64))
    dimensions = {0: "batch", 1: "tokens"}
    with torch.no_grad():
        torch.onnx.export(
            model,
            example,
            str(file),
            input_names=["input_ids", "attention_mask"],
            output_names=["embeddings"],
            dynamic_axes={"input_ids": dimensions, "attention_mask": dimensions, "embeddings": {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )


if __name__ == "__main__":
    main()
