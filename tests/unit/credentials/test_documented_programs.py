"""The signing programs of docs/credentials.md, as they stand there; stand-ins answer for the key service and the token."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from gateway_ext.credentials.program_keys import ProgramKeys

DOCUMENT = Path(__file__).parents[3] / "docs" / "credentials.md"
NOW = 1_800_000_000

VAULT = """#!{python} -I
import base64, json, re, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
def key(version):
    return Ed25519PrivateKey.from_private_bytes(bytes([version]) * 32)
match sys.argv[1:]:
    case ["read", "-format=json", "transit/keys/gateway-personal"]:
        keys = {{str(n): {{"public_key": base64.b64encode(key(n).public_key().public_bytes_raw()).decode()}} for n in range(1, 13)}}
        print(json.dumps({{"data": {{"keys": dict(sorted(keys.items())), "latest_version": 12}}}}))
    case ["write", "-field=signature", "transit/sign/gateway-personal", "input=-", version]:
        number = int(re.fullmatch("key_version=([0-9]+)", version)[1])
        signature = key(number).sign(base64.b64decode(sys.stdin.read(), validate=True))
        print(f"vault:v{{number}}:" + base64.b64encode(signature).decode())
"""

TOKEN = """#!{python} -I
import os, sys
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
assert os.environ["PIN"] == "1234"
arguments, label = sys.argv[1:], sys.argv[-1]
assert arguments[-2] == "--label" and arguments[4:7] == ["--login", "--pin", "env:PIN"], arguments
key = ec.derive_private_key(int.from_bytes(label.encode()), ec.SECP256R1())
if "--read-object" in arguments:
    sys.stdout.buffer.write(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
else:
    assert arguments[7:12] == ["--sign", "--mechanism", "ECDSA", "--signature-format", "rs"], arguments
    pair = decode_dss_signature(key.sign(sys.stdin.buffer.read(), ec.ECDSA(Prehashed(hashes.SHA256()))))
    sys.stdout.buffer.write(b"".join(each.to_bytes(32, "big") for each in pair))
"""


def documented(directory: Path, command: str, stand_in: str) -> ProgramKeys:
    """The documented program that uses `command`, which is replaced by its stand-in."""
    tool = directory / "stand-in"
    tool.write_text(stand_in.format(python=sys.executable))
    (text,) = (
        each for each in re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(), re.DOTALL) if f" {command} " in each
    )
    program = directory / "program"
    program.write_text(text.replace(f" {command} ", f" {tool} ").replace("/etc/gateway-ext", str(directory)))
    for each in (tool, program):
        each.chmod(0o700)
    return ProgramKeys(program, directory / "jwks")


@pytest.mark.parametrize("message", [b"a.b", b"x" * 5_000])
def test_transit_keys_of_vault_sign(tmp_path: Path, message: bytes) -> None:
    keys = documented(tmp_path, "vault", VAULT)
    keys.ensure("personal", NOW)
    signer = keys.signer("personal", NOW)
    assert (signer.algorithm, signer.key_id) == ("EdDSA", "v12")  # the newest, by number and not by text
    assert len(signer.sign(message)) == 64


@pytest.mark.parametrize("message", [b"a.b", b"x" * 5_000])
def test_a_pkcs11_token_signs(tmp_path: Path, message: bytes) -> None:
    keys = documented(tmp_path, "pkcs11-tool", TOKEN)
    (tmp_path / "pin").write_text("1234\n")
    (tmp_path / "keys-personal").write_text("2026\n2027\n")
    keys.ensure("personal", NOW)
    signer = keys.signer("personal", NOW)
    assert (signer.algorithm, signer.key_id) == ("ES256", "2027")
    assert len(signer.sign(message)) == 64
