"""Small random models of sentence-transformers on disk, real in every file."""

import pytest

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the meeting budget was ##s next week query passage : . , ? 예산 ##안 ##은 다음"
HIDDEN = 32
POSITIONS = 64


@pytest.fixture(scope="session")
def new_model(tmp_path_factory):
    """Saves a model as sentence-transformers does, and gives its folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = WORDS.split()
    bert = tmp_path_factory.mktemp("bert")
    (bert / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(vocab_file=str(bert / "vocab.txt")).save_pretrained(bert)
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=POSITIONS,
        # Far from zero, so that a random model tells texts apart.
        initializer_range=0.4,
    )
    BertModel(config).save_pretrained(bert)

    def save(name, *, pooling="mean", prompts=None, default=None, tokens_max=48, projected_to=0, include_prompt=True):
        modules = [
            Transformer(str(bert), max_seq_length=tokens_max),
            Pooling(HIDDEN, pooling, include_prompt=include_prompt),
        ]
        if projected_to:
            modules.append(Dense(HIDDEN, projected_to))
        folder = tmp_path_factory.mktemp("models") / name
        model = SentenceTransformer(
            modules=[*modules, Normalize()], prompts=prompts, default_prompt_name=default, device="cpu"
        )
        model.save(str(folder), create_model_card=False)
        return folder

    return save


@pytest.fixture(scope="session")
def prompted_model(new_model):
    """A model with a prompt for each kind of text."""
    return new_model("prompted", prompts={"query": "query: ", "document": "passage: "})
