"""All detectors of credentials."""

from __future__ import annotations

from gateway_ext.guard.detector import Detector
from gateway_ext.guard.secrets.assignments import EnvironmentDetector
from gateway_ext.guard.secrets.connections import ConnectionStringDetector, UrlPasswordDetector
from gateway_ext.guard.secrets.entropy import entropy_detectors
from gateway_ext.guard.secrets.family_detector import family_detectors
from gateway_ext.guard.secrets.headers import AuthorizationDetector, CommandLineDetector
from gateway_ext.guard.secrets.keywords import KeywordDetector
from gateway_ext.guard.secrets.kubernetes import KubernetesSecretDetector
from gateway_ext.guard.secrets.phrases import PasswordPhraseDetector
from gateway_ext.guard.secrets.plugins import plugin_detectors
from gateway_ext.guard.secrets.private_keys import PrivateKeyDetector


def detectors() -> list[Detector]:
    return [
        *family_detectors(),
        *plugin_detectors(),
        PrivateKeyDetector(),
        UrlPasswordDetector(),
        ConnectionStringDetector(),
        AuthorizationDetector(),
        CommandLineDetector(),
        EnvironmentDetector(),
        KubernetesSecretDetector(),
        PasswordPhraseDetector(),
        KeywordDetector(),
        *entropy_detectors(),
    ]
