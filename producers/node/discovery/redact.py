"""Command lines without their secrets. Pure.

What is left must be fit to be read by everyone who may see the fleet: when in doubt, it goes.
"""

import re
import shlex
from collections.abc import Iterator, Sequence

HIDDEN = "[redacted]"
LIMIT_CHARS = 2000

_SECRET_WORDS = frozenset(
    ("key", "keys", "apikey", "token", "secret", "secrets", "password", "passwd", "passphrase", "pwd")
) | {"pass", "credential", "credentials", "auth", "authorization", "bearer", "cookie"}
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_ASSIGNMENT = re.compile(r"(?s)(-{0,2}[A-Za-z_][\w.-]*)=(.*)")
_USER = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/?#]*@")
_VALUE = r"""("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&}"']+)"""
# name: value and name=value within a text, in quotes or without; "://" is no such colon.
_PAIR = re.compile(rf"""(?i)(["']?)([\w.-]+)\1(\s*(?::(?!//)|=)\s*){_VALUE}""")
# --name value within a text.
_OPTION = re.compile(rf"""(?<!\S)(--?[A-Za-z][\w.-]*)\s+{_VALUE}""")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{4,}")
# What is a secret by its look: Hugging Face, OpenAI and its like, GitHub, GitLab, Slack, AWS, Google, JWT.
_LOOKS = re.compile(
    r"\b(?:hf_\w{8,}|sk-[\w-]{8,}|gh[pousr]_\w{8,}|github_pat_\w{8,}|glpat-[\w-]{8,}|xox[abprs]-[\w-]{8,}"
    r"|A(?:KI|SI)A[A-Z0-9]{12,}|AIza[\w-]{20,}|nvapi-[\w-]{8,}|eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?)"
)


def redact(argv: Sequence[str]) -> str:
    """Return a command line as a shell would take it, its secrets replaced, at most ``LIMIT_CHARS`` long."""
    words = [word[:LIMIT_CHARS] for word in argv[:LIMIT_CHARS]]  # a megabyte of arguments is possible
    joined = " ".join(_quoted(word) for word in _without_secrets(words))
    return joined if len(joined) <= LIMIT_CHARS else joined[: LIMIT_CHARS - 1] + "…"


def secret(name: str) -> bool:
    """Return whether an option or variable of this name holds a secret; ``--tokenizer`` does not."""
    return any(word.lower() in _SECRET_WORDS for word in _WORDS.findall(name))


def _without_secrets(argv: Sequence[str]) -> Iterator[str]:
    hiding = False
    for word in argv:
        if _is_option(word):
            hiding = "=" not in word and secret(word)
            yield _without_value(word)
        else:  # an option may take several values: all of them go
            yield HIDDEN if hiding else _without_value(word)


def _is_option(word: str) -> bool:
    return re.match(r"--?[A-Za-z]", word) is not None


def _without_value(word: str) -> str:
    assigned = _ASSIGNMENT.fullmatch(word)
    if assigned and secret(assigned.group(1)):
        return f"{assigned.group(1)}={HIDDEN}"
    word = _USER.sub(rf"\1{HIDDEN}@", word)
    word = _BEARER.sub(rf"\1 {HIDDEN}", word)
    word = _OPTION.sub(_hidden_option, word)
    word = _without_pairs(word)
    return _LOOKS.sub(HIDDEN, word)


def _without_pairs(word: str) -> str:
    """Hide the values of secret names; what is no secret itself may hold one, as an address in its query."""
    shown, at = "", 0
    while found := _PAIR.search(word, at):
        hidden = secret(found.group(2))
        shown += word[at : found.start(4)] + (HIDDEN if hidden else "")
        at = found.end(4) if hidden else found.start(4)
    return shown + word[at:]


def _hidden_option(found: re.Match[str]) -> str:
    name = found.group(1)
    return f"{name} {HIDDEN}" if secret(name) else found.group(0)


def _quoted(word: str) -> str:
    return word if HIDDEN in word and not re.search(r"\s", word) else shlex.quote(word)
