"""What a terminal can show: on one that knows ASCII alone, signs are written out, and nothing fails.

Standard library only, and done before anything is printed.
"""

import codecs
import io
import os
import sys
import unicodedata
from typing import Any, Mapping, Optional, TextIO, Tuple

#: An encoding of our own, ASCII with signs written out: of plain ASCII click thinks that it is a
#: mistake, and prints UTF-8 all the same.
ENCODING = "nutsbench_ascii"
#: The same for other encodings that lack a sign.
ERRORS = "nutsbench_plain"

_KNOWN: Mapping[str, str] = {
    "×": "x", "±": "+/-", "…": "...", "·": "*", "•": "*", "°": " deg", "µ": "u", "√": "sqrt", "∞": "inf",
    "≤": "<=", "≥": ">=", "≈": "~", "≠": "!=", "→": "->", "←": "<-", "−": "-", "‘": "'", "’": "'",
    "“": '"', "”": '"', "«": "<<", "»": ">>", "●": "o", "◂": "<", "▸": ">", "✓": "ok", "✗": "x",
    "─": "-", "━": "-", "│": "|", "┃": "|", "ß": "ss", "⁄": "/",
}  # fmt: skip
_KINDS = {"BOX DRAWINGS": "+", "BRAILLE": "*", "BLOCK": "#", "DASH": "-", "SPACE": " "}


def plain(text: str) -> str:
    """Return a text in ASCII: known signs written out, letters without their accents, ``?`` for the rest."""
    return text if text.isascii() else "".join(map(_plain, text))


def _plain(sign: str) -> str:
    if sign.isascii():
        return sign
    if sign in _KNOWN:
        return _KNOWN[sign]
    name = unicodedata.name(sign, "")
    if name.startswith("GREEK") and " LETTER " in name:
        # Names of variables have to stay different from each other.
        letter = name.split(" LETTER ")[1].split(" WITH ")[0].replace("FINAL ", "").lower()
        return letter.capitalize() if "CAPITAL" in name else letter
    for part, instead in (
        ("BOX DRAWINGS", "+"),
        ("BRAILLE", "*"),
        ("BLOCK", "#"),
        ("DASH", "-"),
        ("SPACE", " "),
    ):
        if part in name:
            return instead
    parts = unicodedata.normalize("NFKD", sign)
    return "".join(part if part.isascii() else _KNOWN.get(part, "") for part in parts) or "?"


def _encode(text: str, errors: str = "strict") -> Tuple[bytes, int]:
    del errors
    return plain(text).encode("ascii"), len(text)


class _Encoder(codecs.IncrementalEncoder):
    def encode(self, text: str, final: bool = False) -> bytes:
        del final
        return _encode(text)[0]


def _search(name: str) -> Optional[codecs.CodecInfo]:
    if name != ENCODING:
        return None
    ascii_codec = codecs.lookup("ascii")
    return codecs.CodecInfo(
        _encode, ascii_codec.decode, incrementalencoder=_Encoder,
        incrementaldecoder=ascii_codec.incrementaldecoder, name=ENCODING,
    )  # fmt: skip


def _written_out(error: UnicodeError) -> Tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


codecs.register(_search)
codecs.register_error(ERRORS, _written_out)


def knows_ascii_alone(stream: Any, variables: Mapping[str, str]) -> bool:
    """Return whether a stream's reader has said that it knows no other signs.

    Parameters
    ----------
    stream : text stream
        With its ``encoding``.
    variables : mapping of str
        Environment variables.
    """
    try:
        if codecs.lookup(stream.encoding).name == "ascii":
            return True
    except (LookupError, TypeError, AttributeError):
        return False
    if variables.get("PYTHONIOENCODING", "").partition(":")[0]:
        return False
    # Python 3.8 takes the C locale for UTF-8, which its terminal may not know.
    locale = next(filter(None, map(variables.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    return locale in ("C", "POSIX") or variables.get("TERM") == "dumb"


def adapt() -> None:
    """Let standard output and error take any text, whatever their encoding; those that are closed too."""
    sys.stdout, sys.stderr = _adapted(sys.stdout), _adapted(sys.stderr)


def _adapted(stream: Optional[TextIO]) -> TextIO:
    if stream is None:  # Closed by whoever has started this.
        return open(os.devnull, "w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        if knows_ascii_alone(stream, os.environ):
            stream.reconfigure(encoding=ENCODING)
        elif stream.errors == "strict":
            stream.reconfigure(errors=ERRORS)
    return stream


def is_gone() -> bool:
    """Return whether nobody reads standard output or error any more, as after ``| head``."""
    import select

    poll = select.poll()
    for handle in (1, 2):
        poll.register(handle, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))
