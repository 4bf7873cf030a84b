"""The three tokenizers by name, and how a saved one of any kind is loaded."""

from pathlib import Path

from companion.errors import UserError
from companion.storage import read_json
from companion.tokenizers.base import FORMAT, VERSION, Tokenizer
from companion.tokenizers.bpe import BPETokenizer
from companion.tokenizers.characters import CharTokenizer
from companion.tokenizers.words import WordTokenizer

TOKENIZERS: dict[str, type[Tokenizer]] = {kind.kind: kind for kind in (CharTokenizer, WordTokenizer, BPETokenizer)}


def load_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer that ``save`` wrote to a file.

    Raises
    ------
    UserError
        The file is missing, isn't a tokenizer of this package and version, or makes no sense: something is missing or
        of the wrong kind, a token occurs twice, a merge uses tokens that don't exist.
    """
    content = read_json(path, "a tokenizer")
    if isinstance(content, dict) and {"model", "added_tokens"} <= content.keys():
        raise UserError(
            f"{path} is a tokenizer.json of the library tokenizers; read it with BPETokenizer.from_huggingface."
        )
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path} isn't a tokenizer saved by this package; give a file that a tokenizer's save() wrote.")
    if content.get("version") != VERSION:
        raise UserError(
            f"{path} is a tokenizer of format version {content.get('version')!r}; "
            f"this package reads version {VERSION}. Train and save it again."
        )
    kind = content.get("kind")
    if not isinstance(kind, str) or kind not in TOKENIZERS:
        raise UserError(f"{path} holds a tokenizer of kind {kind!r}; expected {', '.join(TOKENIZERS)}. Save it again.")
    try:
        return TOKENIZERS[kind]._from_content(content)
    except UserError as error:
        raise UserError(f"{path} isn't a {kind} tokenizer as this package saves it. {error} Save it again.") from None
