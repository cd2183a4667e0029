"""Recall of the detectors of credentials on synthetic ones, family by family, and what they find where there is none.

    python -m benchmarks.guard.secrets_corpus [--json] [--seed N] [--per-family N] [--benign DIR]

Credentials are generated at run time, with their checksums, in code, configuration, prose and commands; `found`
counts those reported by the detector of their family with exactly their span. Near misses are hashes, identifiers,
placeholders and references. `--benign DIR`: `.json`, `.jsonl` and text files without secrets; false findings per MB
(10**6 characters), high-entropy detectors apart.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import re
import textwrap
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.guard.secrets_forms import ALPHABETS, NAMED, PREFIXED, SURROUNDED
from gateway_ext.guard.detector import Detector
from gateway_ext.guard.passages import passage_at
from gateway_ext.guard.prefilter import Prefilter
from gateway_ext.guard.secrets.checksums import bech32_checksum
from gateway_ext.guard.secrets.detectors import detectors

CARRIERS = (
    'client = Client("⟦⟧")',
    "const api = new Api({token: '⟦⟧'});",
    "SERVICE_CREDENTIAL=⟦⟧\nPORT=8080",
    "service:\n  region: eu-west-1\n  value: ⟦⟧\n",
    '{"id": 7, "value": "⟦⟧", "on": true}',
    "curl -s https://api.example.org/v1/items?access=⟦⟧",
    "Why does this not work? I use ⟦⟧, as the manual says.",
    "Voici ce que j'ai reçu : ⟦⟧. Peux-tu le vérifier ?",
    "Mein Zugang lautet ⟦⟧ und läuft morgen ab.",
    "Mi acceso es «⟦⟧», ¿está bien?",
    "Oto mój dostęp: ⟦⟧",
    "| name | value |\n|---|---|\n| prod | `⟦⟧` |",
    '{"text": "line one\\n⟦⟧\\nline three"}',
    "⟦⟧",
)
NAMED_CARRIERS = (
    "{NAME}_API_KEY=⟦⟧",
    '{name}_api_key = "⟦⟧"',
    "{name}:\n  secret_key: ⟦⟧\n",
    '{"{name}": {"apiKey": "⟦⟧"}}',
    "My {Name} API key is ⟦⟧, please keep it.",
    "Mein {Name}-Schlüssel lautet ⟦⟧.",
    "La clé {Name} : ⟦⟧",
    "La clave de {Name} es ⟦⟧",
    "klucz {Name}: ⟦⟧",
    "os.environ['{NAME}_TOKEN'] = '⟦⟧'",
)
_PASSWORDS = ("{A6}{D2}!", "{A4}-{D4}-{A3}", "{B12}", "{A5}#{B6}", "{L10}{D2}", "{A3}_{D3}{A4}")
_PLACEHOLDER = re.compile(r"\{([A-Z]+)(\d*)\}")


@dataclass(frozen=True, slots=True)
class Case:
    """`text[start:end]` is a credential of `family`."""

    text: str
    family: str
    start: int
    end: int


class Generator:
    """Equal seeds make equal cases."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def cases(self, per_family: int) -> Iterator[Case]:
        """At least `per_family` cases of each family, over all of its forms and all carriers."""
        for family in sorted({*PREFIXED, *NAMED, *SURROUNDED}):
            templates = [
                carrier.replace("⟦⟧", f"⟦{form}⟧") for form in PREFIXED.get(family, ()) for carrier in CARRIERS
            ]
            name, forms = NAMED.get(family, ("", ()))
            templates += [
                _named(carrier, name).replace("⟦⟧", f"⟦{form}⟧") for form in forms for carrier in NAMED_CARRIERS
            ]
            templates += SURROUNDED.get(family, ())
            for number in range(max(per_family, len(templates))):
                yield self._case(templates[number % len(templates)], family)

    def near_misses(self, count: int) -> Iterator[str]:
        for number in range(count):
            yield self.filled(NEAR_MISSES[number % len(NEAR_MISSES)])

    def filled(self, template: str) -> str:
        return _PLACEHOLDER.sub(self._part, template)

    def _case(self, template: str, family: str) -> Case:
        marked = self.filled(template)
        start, end = marked.index("⟦"), marked.index("⟧") - 1
        return Case(marked.replace("⟦", "", 1).replace("⟧", "", 1), family, start, end)

    def _part(self, match: re.Match[str]) -> str:
        kind, count = match[1], match[2]
        if count and kind in ALPHABETS:
            return self._characters(ALPHABETS[kind], int(count))
        special = getattr(self, f"_{kind.lower()}{count}", None)
        return str(special()) if special else match[0]

    def _characters(self, alphabet: str, count: int) -> str:
        return "".join(self._random.choices(alphabet, k=count))

    def _g(self) -> str:
        return "-".join(self._characters(ALPHABETS["H"], count) for count in (8, 4, 4, 4, 12))

    def _p(self) -> str:
        while True:
            password = self.filled(self._random.choice(_PASSWORDS))
            if re.search("[0-9]", password) and re.search("[A-Za-z]", password):
                return password

    def _crc(self) -> str:
        payload = self._characters(ALPHABETS["B"], 30)
        digits, value = "", zlib.crc32(payload.encode())
        alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        while len(digits) < 6:
            value, digit = divmod(value, 62)
            digits = alphabet[digit] + digits
        return payload + digits

    def _age(self) -> str:
        data = self._characters("qpzry9x8gf2tvdw0s3jn54khce6mua7l", 52)
        return f"age-secret-key-1{data}{bech32_checksum('age-secret-key-', data)}".upper()

    def _basic(self) -> str:
        return base64.b64encode(f"jeanne:{self._p()}".encode()).decode()

    def _pem(self) -> str:
        return "\n".join(textwrap.wrap(self._characters(ALPHABETS["S"], 300), 64))

    def _pem1(self) -> str:
        return self._pem().replace("\n", "\\n")

    def _jwt(self) -> str:
        parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": self._characters(ALPHABETS["D"], 9), "exp": 1893456000})
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        return ".".join([*encoded, self._characters(ALPHABETS["U"], 43)])


NEAR_MISSES = (
    "commit {H40} fixes the rounding of invoices",
    "sha256:{H64}  release.tar.gz",
    "md5 {H32} *image.iso",
    'user_id = "{G}"',
    "request {G} took 182 ms",
    "export OPENAI_API_KEY=$OPENAI_KEY",
    "api_key = os.environ['API_KEY_2']",
    'const key = process.env.STRIPE_KEY ?? "";',
    "password: ${DB_PASSWORD}",
    'password = "{{ vault_db_password }}"',
    'api_key = "your_api_key_here"',
    "GITHUB_TOKEN=<your-token>",
    "token: xxxxxxxxxxxxxxxxxxxxxxxx",
    "DB_PASSWORD=changeme",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "OPENAI_API_KEY=sk-proj-your-key-goes-here-and-nowhere-else-in-the-file",
    "sk-learn-contrib and pypi-server are packages",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ{S300} jeanne@laptop",
    "-----BEGIN PUBLIC KEY-----\n{S64}\n{S64}\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----\n{S64}\n{S64}\n-----END CERTIFICATE-----",
    "A file that begins with -----BEGIN RSA PRIVATE KEY----- is a private key in PEM.",
    "Datadog dashboards show the commit {H40}",
    "The password must have at least 12 characters, one digit (0-9) and one symbol.",
    "Das Passwort muss mindestens 12 Zeichen haben.",
    "Le mot de passe doit contenir 8 caractères.",
    "Reset your password: https://example.org/reset?id={D8}",
    "password = hash_password(user.password2)",
    "def check(password: str, token: str | None = None) -> bool:",
    "!function(e,t){var n=e.a1B2,r=t.c3;return n[r]||function(o){return o.x9=n}(t)}(window,{a:1});",
    "https://user@example.org/a:b@c",
    "https://example.org:8443/@handle/{D8}",
    "Authorization: Bearer <token>",
    "Authorization: Bearer $ACCESS_TOKEN",
    "curl -u user:password https://example.org",
    "docker run -u 1000:1000 image",
    "Server=db;Database=shop;Trusted_Connection=True;",
    "integrity sha512-{S86}==",
    "data:image/png;base64,iVBORw0KGgo{S300}",
    "kind: ConfigMap\ndata:\n  colour: {A12}\n",
    "version 2.14.0, order 1234-5678-90, IBAN and dates",
    "token_count = 4096; max_tokens=512; secret_santa = True",
    "AWS Lambda in eu-west-1, arn:aws:lambda:eu-west-1:{D12}:function:shop",
)


def _named(carrier: str, name: str) -> str:
    snake = name.replace(" ", "_")
    return carrier.replace("{NAME}", snake.upper()).replace("{name}", snake.lower()).replace("{Name}", name)


def cases(seed: int = 1, per_family: int = 40) -> list[Case]:
    return list(Generator(seed).cases(per_family))


def near_misses(seed: int = 1, count: int = 10 * len(NEAR_MISSES)) -> list[str]:
    return list(Generator(seed).near_misses(count))


class Finder:
    """The detectors behind their prefilter, passage by passage, as the Guard runs them."""

    def __init__(self, chosen: list[Detector] | None = None) -> None:
        self.detectors = detectors() if chosen is None else chosen
        self._prefilter = Prefilter([detector.patterns for detector in self.detectors])

    def found(self, text: str) -> set[tuple[str, int, int]]:
        """Detector, start and end of all findings."""
        data = text.encode()
        passages = set()
        for index, offset in self._prefilter.hits(data, 1_000_000):
            position = offset if len(data) == len(text) else len(data[: offset + 1].decode("utf-8", "ignore")) - 1
            passages.add((index, *passage_at(text, position)))
        return {
            (self.detectors[index].name, span.start, span.end)
            for index, start, end in passages
            for span in self.detectors[index].confirm(text, start, end)
        }


def recall(finder: Finder, chosen: list[Case]) -> dict[str, tuple[int, int]]:
    """Family → found, all."""
    total: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for case in chosen:
        total[case.family] += 1
        found[case.family] += (case.family, case.start, case.end) in finder.found(case.text)
    return {family: (found[family], total[family]) for family in sorted(total)}


def false_findings(finder: Finder, directory: Path) -> dict[str, dict[str, object]]:
    """File → characters, findings by detector."""
    result: dict[str, dict[str, object]] = {}
    for path in sorted(path for path in directory.iterdir() if path.is_file()):
        texts = list(_texts(path))
        counts = Counter(name for text in texts for name, _, _ in finder.found(text))
        result[path.name] = {"characters": sum(map(len, texts)), "findings": dict(counts)}
    return result


def _texts(path: Path) -> Iterator[str]:
    raw = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".json":
        yield from _strings(json.loads(raw))
    elif path.suffix == ".jsonl":
        for line in filter(str.strip, raw.split("\n")):
            yield from _strings(json.loads(line))
    else:
        yield raw


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value if isinstance(value, list) else value.values():
            yield from _strings(item)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-family", type=int, default=40)
    parser.add_argument("--benign", type=Path, help="directory of texts without secrets")
    arguments = parser.parse_args()
    finder = Finder([detector for detector in detectors() if not detector.name.startswith("high_entropy")])
    rates = recall(finder, cases(arguments.seed, arguments.per_family))
    missed = [text for text in near_misses(arguments.seed) if finder.found(text)]
    benign = false_findings(finder, arguments.benign) if arguments.benign else {}
    if arguments.json:
        print(json.dumps({"recall": rates, "near_misses_found": len(missed), "benign": benign}, indent=2))
        return
    for family, (found, total) in rates.items():
        print(f"{family:28} {found:5} of {total:5}  {found / total:6.3f}")
    print(f"{len(rates)} families; near misses found: {len(missed)}")
    for name, row in benign.items():
        print(f"{name:32} {row['characters']:>10} characters  {row['findings']}")


if __name__ == "__main__":
    main()
