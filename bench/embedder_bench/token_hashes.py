"""Run by the interpreter that has `tokenizers`: hashes of the reference tokenizer's ids.

Reads a JSON list of texts, with their prompts, from standard input; prints a JSON list of SHA-256, each over the text's
uncut ids with their markers as little-endian int32.
"""

import hashlib
import json
import struct
import sys

from tokenizers import Tokenizer


def main() -> None:
    """Loads the `tokenizer.json` that is its argument and hashes."""
    tokenizer = Tokenizer.from_file(sys.argv[1])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    encodings = tokenizer.encode_batch(json.load(sys.stdin))
    packed = (struct.pack(f"<{len(each.ids)}i", *each.ids) for each in encodings)
    print(json.dumps([hashlib.sha256(each).hexdigest() for each in packed]))


if __name__ == "__main__":
    main()
