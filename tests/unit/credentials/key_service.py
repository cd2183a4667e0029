"""A key service in a directory, and the program by which the gateway asks it: keys come in, and never go out."""

from __future__ import annotations

import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PROGRAM = '''#!{python} -I
"""public ISSUER | sign ISSUER KEY_ID"""
import base64, json, os, sys
from pathlib import Path
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

KEYS = Path({keys!r})

def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

def load(path):
    return serialization.load_pem_private_key(path.read_bytes(), None)

def public(path):
    key = load(path).public_key()
    kid = path.name.split(".")[1]
    if isinstance(key, ec.EllipticCurvePublicKey):
        numbers = key.public_numbers()
        x, y = (b64(each.to_bytes(32, "big")) for each in (numbers.x, numbers.y))
        return {{"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid}}
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {{"kty": "OKP", "crv": "Ed25519", "x": b64(raw), "kid": kid}}

def sign(path, message):
    key = load(path)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return key.sign(message)

Path({log!r}).open("a").write(json.dumps([sys.argv[1:], sorted(os.environ)]) + "\\n")
if sys.argv[1] == "public":
    print(json.dumps({{"keys": [public(each) for each in sorted((KEYS / sys.argv[2]).iterdir())]}}))
else:
    (path,) = (KEYS / sys.argv[2]).glob("*." + sys.argv[3] + ".pem")
    print(b64(sign(path, sys.stdin.buffer.read())))
'''


class KeyService:
    """`program` is what `signer_command` names; `log` holds a line for each call: arguments, environment's names."""

    def __init__(self, root: Path) -> None:
        self._keys = root / "keys"
        self.log = root / "calls"
        self.program = root / "signer"
        self._keys.mkdir(parents=True)
        self.log.touch()
        self.program.write_text(PROGRAM.format(python=sys.executable, keys=str(self._keys), log=str(self.log)))
        self.program.chmod(0o700)

    def add(self, issuer: str, key_id: str, *, on_p256: bool = False) -> str:
        """A further key, the newest from now on."""
        directory = self._keys / issuer
        directory.mkdir(exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1()) if on_p256 else Ed25519PrivateKey.generate()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (directory / f"{len(list(directory.iterdir())):04}.{key_id}.pem").write_bytes(private)
        return key_id


def script(path: Path, body: str) -> Path:
    """A program of its own, in the shell's language."""
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return path
