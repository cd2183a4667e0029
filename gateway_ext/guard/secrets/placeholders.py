"""What stands where a secret would: `${PASSWORD}`, `<token>`, `your_api_key`, `xxxxxxxx`, `mypassword123`."""

from __future__ import annotations

import math
import re
from collections import Counter

# Words of which examples are made, longest first, so that each is tried once (possessively) at each place.
_WORDS = (
    "username|databases?|passwords?|passphrase|placeholder|credentials?|connection|replacement|authorization|production"
    "|development|undefined|container|something|anything|required|redacted|optional|function|passwort|kennwort"
    "|contrasena|motdepasse|wachtwoord|password|personal|security|changeit|changeme|supersafe|internal|variable|testing"
    "|default|example|replace|removed|company|project|private|session|strong|secrets?|secure|sample|public|string|insert"
    "|client|server|access|hidden|actual|masked|number|tokens?|values?|change|service|account|random|custom|unique"
    "|encrypt(?:ed|ion)?|decrypt|hash(?:ed)?|signing|invalid|wrong|valid|correct|incorrect|update|reset|login|admin"
    "|qwerty|azerty|letmein|welcome|dummy|super|users?|words?|enter|right|other|empty|local|guest|pass|passwd|oauth|basic"
    "|bearer|none|null|true|false|name|mail|email|data|here|goes|this|that|with|some|your|from|fake|real|test|demo|root"
    "|long|very|weak|good|safe|jwts?|text|todo|auth|keys?|foobar|abcdefgh|abcdefg|abcdef|abcde|abcd|host|main|prod|dev"
    "|pwd|api|app|web|new|old|not|the|for|and|env|foo|bar|baz|qux|abc|xyz|asdf|aes|rsa|hmac|sql|my|an|me|id|it|is|in|to"
    "|of|db|pw|or|so|go"
)
_MADE_OF_WORDS = re.compile(rf"(?:{_WORDS})*+", re.ASCII)
_SAYS_SO = re.compile(
    r"your[_ -]?|example|placeholder|change[_ -]?(?:me|it|this)|replace[_ -]?(?:me|this|with)|dummy|redacted|insert[_ -]"
    r"|sample|not[_ -]a[_ -]|xxxx|goes[_ -]?here|[_ -]here$|\.\.\.|…|\*\*\*|•••|<[a-z]|123456789|abcdefghijkl",
    re.ASCII | re.IGNORECASE,
)
_TEMPLATE = re.compile(
    r"\$.*|%[A-Za-z_(].*|\{.*\}|<.*>|\[.*\]|\(.*\)|#\{.*|.*(?:\$\{|\{\{|\$\(|%\(|<%).*|@[A-Za-z_.]*|!(?:Ref|Sub|Env|vault).*",
    re.ASCII | re.DOTALL,
)
_PROSE = re.compile(
    r"[^\W\d_]+(?:[ \t][^\d]*)|(?:[a-z]+:)?//\S*|[\w.]+\[.*|.* \| None|[~.]{0,2}/[\w./-]*|[A-Za-z]+(?:[ _-][A-Za-z]+)*[:?]?",
    re.DOTALL,
)
_REFERENCE = re.compile(
    r"[&*!(]*(?:[A-Za-z_$][\w$]*(?:\(|\[|\{|<|->|::|\.[A-Za-z_])|(?:await|new|os|process|self|this|function|lambda)\b)",
    re.ASCII,
)
_RUN = re.compile(r"(.)\1{5}", re.DOTALL)
_LEET = str.maketrans("@0$", "aos")  # P@ssw0rd
_SPACES_MAX = 2
_CHARACTERS_MAX = 256  # longer values are not placeholders


def is_template(value: str) -> bool:
    """Whether something else is put in this place before it is used."""
    return bool(_TEMPLATE.fullmatch(value))


def is_placeholder(value: str) -> bool:
    """Whether `value` is meant to be read as "a secret goes here". Linear."""
    if len(value) > _CHARACTERS_MAX:
        return False
    letters = re.sub("[^a-z]", "", value.lower().translate(_LEET))
    plain = re.sub("[^a-z]", "", value.lower())
    return (
        is_template(value)
        or bool(_SAYS_SO.search(value) or _RUN.search(value))
        or bool(_MADE_OF_WORDS.fullmatch(letters) or _MADE_OF_WORDS.fullmatch(plain))
    )


def is_prose(value: str) -> bool:
    """Whether `value` is a sentence, an address or a path rather than a secret."""
    return value.count(" ") > _SPACES_MAX or bool(_PROSE.fullmatch(value))


def is_reference(value: str) -> bool:
    """Whether unquoted `value` is code that yields a secret: `config.password`, `getenv(…)`, `tokens[0]`."""
    return bool(_REFERENCE.match(value))


def is_made_up(body: str) -> bool:
    """Whether what should be random in a token is not: `xxxx…`, `your-key-here`, `abcdefghijkl…`, or words alone."""
    return bool(_SAYS_SO.search(body) or _RUN.search(body)) or classes(body) < 2


def classes(value: str) -> int:
    """How many of digits, capital and small ASCII letters occur."""
    return sum(bool(pattern.search(value)) for pattern in _CLASSES)


_CLASSES = (re.compile("[0-9]"), re.compile("[A-Z]"), re.compile("[a-z]"))


def entropy_bits(value: str) -> float:
    """Shannon's entropy per character, of the distribution of characters in `value`."""
    total = len(value)
    return -sum(count / total * math.log2(count / total) for count in Counter(value).values())
