"""Our byte-pair encoding compared with the library ``tokenizers``: run ``python benchmarks/tokenizer_speed.py``.

Both learn the same merges from the same text and encode the same plays, in turns in one run; medians of processor time
are printed and written to ``companion/data/results/tokenizers.json``. The library is written in Rust and would use
every core; here it is limited to one, like ours, and called in its fastest way (``encode_batch_fast``). "First sight"
encodes with a new tokenizer that remembers no words yet.

(This file isn't called ``tokenizers.py``, because Python would import it in place of the library.)
"""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tokenizers as library

from companion.corpora import load_corpus
from companion.results import write_results
from companion.tokenizers import BPETokenizer

MERGES = 2000
VOCAB_SIZE = 256 + MERGES
TRAINING_CHARACTERS = 1_000_000
ROUNDS = 5


def library_trained(text: str) -> library.Tokenizer:
    """The library's byte-level BPE, trained like ours."""
    result = library.Tokenizer(library.models.BPE())
    result.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(vocab_size=VOCAB_SIZE, initial_alphabet=alphabet, show_progress=False)
    result.train_from_iterator([text], trainer)
    return result


def seconds(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """The processor time of a call, and its result."""
    begin = time.process_time()
    result = function(*arguments)
    return time.process_time() - begin, result


def encode_all(tokenizer: BPETokenizer, texts: list[str]) -> list[np.ndarray]:
    """The ids of each text."""
    return [tokenizer.encode(text) for text in texts]


def decode_all(tokenizer: BPETokenizer, texts: list[np.ndarray]) -> list[str]:
    """The text of each array of ids."""
    return [tokenizer.decode(ids) for ids in texts]


def main() -> None:
    """Measure, print a table, write the results."""
    os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}  # read when the library first encodes
    corpus = load_corpus("shakespeare")
    plays = [play.text for play in corpus.documents]
    sample = corpus.text[:TRAINING_CHARACTERS]
    megabytes = len(corpus.text.encode()) / 1e6
    taken: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        ours_training, ours = seconds(BPETokenizer.train, sample, VOCAB_SIZE)
        theirs_training, theirs = seconds(library_trained, sample)
        ours_first, ids = seconds(encode_all, ours, plays)
        theirs_first, encodings = seconds(theirs.encode_batch_fast, plays)
        ours_again, _ = seconds(encode_all, ours, plays)
        theirs_again, _ = seconds(theirs.encode_batch_fast, plays)
        their_ids = [encoding.ids for encoding in encodings]
        ours_decoding, _ = seconds(decode_all, ours, ids)
        theirs_decoding, _ = seconds(theirs.decode_batch, their_ids)
        if [play.tolist() for play in ids] != their_ids:
            raise AssertionError("ours and the library's ids differ")
        for name, value in {
            "train_seconds": (ours_training, theirs_training),
            "encode_first_sight_mb_per_second": (megabytes / ours_first, megabytes / theirs_first),
            "encode_again_mb_per_second": (megabytes / ours_again, megabytes / theirs_again),
            "decode_mb_per_second": (megabytes / ours_decoding, megabytes / theirs_decoding),
        }.items():
            for who, number in zip(("ours", "library"), value, strict=True):
                taken.setdefault(f"{name}/{who}", []).append(number)

    medians = {key: round(statistics.median(values), 3) for key, values in taken.items()}
    rows = {
        f"learn {MERGES:,} merges from {TRAINING_CHARACTERS:,} characters, s": "train_seconds",
        f"encode {megabytes:.1f} MB at first sight, MB/s": "encode_first_sight_mb_per_second",
        f"encode {megabytes:.1f} MB again, MB/s": "encode_again_mb_per_second",
        f"decode {megabytes:.1f} MB, MB/s": "decode_mb_per_second",
    }
    print(f"{'median of ' + str(ROUNDS) + ' rounds, one core':<52}{'ours':>8}{'library':>9}{'ratio':>7}")
    for label, key in rows.items():
        ours_value, library_value = medians[f"{key}/ours"], medians[f"{key}/library"]
        print(f"{label:<52}{ours_value:>8.2f}{library_value:>9.2f}{ours_value / library_value:>7.2f}")
    content = {
        "what": "byte-level BPE: ours (Python) beside the library (Rust, one thread); processor time",
        "text": "the 38 plays of load_corpus('shakespeare'); merges learnt from its first characters",
        "rounds": ROUNDS,
        "merges": MERGES,
        "training_characters": TRAINING_CHARACTERS,
        "encoded_megabytes": round(megabytes, 3),
        "medians": medians,
    }
    write_results("tokenizers", content, packages=("tokenizers", "regex"))


if __name__ == "__main__":
    main()
