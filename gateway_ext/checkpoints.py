"""Who signs the audit trail's checkpoints, and what takes them elsewhere: settings → adapters, for the control process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway_ext.audit.checkpoint_keys import load_or_make_key
from gateway_ext.audit.checkpointer import Checkpointer
from gateway_ext.audit.publishing import Publishing
from gateway_ext.audit.signed_note import NoteSigner
from gateway_ext.clock import SystemClock
from gateway_ext.credentials.program_keys import ProgramKeys, ProgramSigner
from gateway_ext.credentials.signing import from_base64url
from gateway_ext.credentials.trusted_program import require_trusted, run
from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import CHECKPOINT_PROGRAM_SECONDS_MAX
from gateway_ext.settings import Settings

ISSUER = "checkpoints"  # by which the program of checkpoint_signer_command knows what it signs


@dataclass(frozen=True, slots=True)
class ProgramNoteSigner:
    """A NoteSigner whose key is behind an operator's program (credentials/program_keys.py)."""

    program: ProgramSigner

    @property
    def public_key(self) -> bytes:
        return from_base64url(self.program.jwk["x"])

    def sign(self, message: bytes) -> bytes:
        return self.program.sign(message)


def checkpointer(settings: Settings) -> Checkpointer:
    """Makes the key on first use, or asks the program for its own. Raises ConfigurationError."""
    layout = settings.layout
    return Checkpointer(
        layout.spool,
        layout.trees,
        layout.archive,
        settings.audit_origin,
        note_signer(settings),
        SystemClock(),
        settings.checkpoint_seconds,
        settings.checkpoint_records,
    )


def publishing(settings: Settings) -> Publishing | None:
    """None: no program takes checkpoints elsewhere. Raises ConfigurationError when it is not one to be run."""
    if not settings.checkpoint_command:
        return None
    program = Path(settings.checkpoint_command)
    require_trusted(program)
    return Publishing(
        settings.layout.trees,
        lambda note: run(program, (), note, seconds_max=CHECKPOINT_PROGRAM_SECONDS_MAX),
        SystemClock(),
    )


def note_signer(settings: Settings) -> NoteSigner:
    """Who signs checkpoints and exports. Makes the key on first use, or asks the program. Raises ConfigurationError."""
    if not settings.checkpoint_signer_command:
        return load_or_make_key(settings.layout.checkpoint_key)
    signer = ProgramKeys(Path(settings.checkpoint_signer_command), settings.layout.jwks).newest(ISSUER)
    if signer.algorithm != "EdDSA":
        raise ConfigurationError(f"{signer.program} public {ISSUER}: the last key it prints must be Ed25519 (kty OKP)")
    return ProgramNoteSigner(signer)
