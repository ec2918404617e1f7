"""A model's tokenizer, as its folder says it is.

transformers 5 has a list of model types, `qwen2` among them, for which `AutoTokenizer` builds the family's own kind of
tokenizer whatever the folder holds. Of a tokenizer of another kind, say of whole words, what comes out makes nothing at
all of any text, and a model that sees nothing learns nothing. So a folder that describes its tokenizer completely is
taken at its word.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..verifiers.files import read_json
from .errors import ModelError

_AS_IT_IS = ("PreTrainedTokenizerFast", "TokenizersBackend")
"""Classes that are nothing but what `tokenizer.json` says; files that name another are left to transformers."""


def read_tokenizer(base: str | Path) -> Any:  # any: transformers ships no types for it
    """The tokenizer of a folder or hub name.

    Args:
        base: The folder or name.

    Returns:
        A tokenizer of transformers.

    Raises:
        ModelError: It knows no token of ordinary text; or what transformers raises.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    folder = Path(base)
    config = read_json(folder / "tokenizer_config.json")
    whole = (folder / "tokenizer.json").is_file() and config.get("tokenizer_class") in _AS_IT_IS
    tokenizer = (PreTrainedTokenizerFast if whole else AutoTokenizer).from_pretrained(base)
    check_tokenizer(tokenizer)
    return tokenizer


def check_tokenizer(tokenizer: Any) -> None:  # any: as above
    """Raise ModelError for a tokenizer that makes no tokens of text, or none at all of words it does not know."""
    try:
        seen = tokenizer("a b c 1 2 3", add_special_tokens=False)["input_ids"]
    except Exception as error:  # tokenizers raises plain Exception for a word that is not in its list
        raise ModelError(
            f"the tokenizer cannot read words that it does not know ({str(error)[:200]}); give it an unknown token"
        ) from error
    if not seen:
        raise ModelError("the tokenizer makes no tokens of text, so it is not the one that this model was made with")
