import json
import re

import pytest

from benchmarks.peers import litellm, mlflow, portkey
from benchmarks.peers.proof import FINDINGS, PROOF_MODEL


def test_litellm_has_a_model_behind_the_upstream_and_one_behind_the_recorder() -> None:
    written = litellm.config(upstream=1001, recorder=1002, key="sk-secret", guardrails=())
    bases = {each["model_name"]: each["litellm_params"]["api_base"] for each in written["model_list"]}
    assert bases["assistant"] == bases["embedder"] == "http://127.0.0.1:1001/v1"
    assert bases[PROOF_MODEL] == "http://127.0.0.1:1002/v1"
    assert written["general_settings"] == {"master_key": "sk-secret"}
    assert written["guardrails"] == []


def test_litellm_filters_every_request_before_the_model_is_called() -> None:
    for guard in (litellm.content_filter(), litellm.presidio_guard(1003)):
        assert guard["litellm_params"]["default_on"] is True
        assert guard["litellm_params"]["mode"] == "pre_call"
    actions = {each["pattern_name"]: each["action"] for each in litellm.content_filter()["litellm_params"]["patterns"]}
    assert actions["email"] == actions["iban"] == actions["credit_card"] == "MASK"
    assert actions["aws_access_key"] == "BLOCK"


def test_presidio_is_asked_on_the_loopback_address() -> None:
    options = litellm.presidio_guard(1003)["litellm_params"]
    assert options["presidio_analyzer_api_base"] == options["presidio_anonymizer_api_base"] == "http://127.0.0.1:1003"
    assert options["pii_entities_config"]["EMAIL_ADDRESS"] == "MASK"
    assert options["pii_entities_config"]["ACCESS_KEY"] == "BLOCK"


def test_workers_are_told_from_what_multiprocessing_starts_beside_them() -> None:
    below = {
        11: ["python3", "-c", "from multiprocessing.resource_tracker import main;main(6)"],
        12: ["python3", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(7)", "--multiprocessing-fork"],
        13: ["python3", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(9)", "--multiprocessing-fork"],
    }
    assert litellm.workers(below) == [12, 13]


def test_portkey_gets_its_configuration_with_the_request() -> None:
    assert portkey.config(1001, guarded=False)["custom_host"] == "http://127.0.0.1:1001/v1"
    assert "input_guardrails" not in portkey.config(1001, guarded=False)
    json.dumps(portkey.config(1001, guarded=True)).encode("ascii")  # it goes into a header


def test_portkey_masks_in_sequence_and_refuses_keys() -> None:
    masking, refusing = portkey.config(1001, guarded=True)["input_guardrails"]
    assert masking.pop("sequential") is True
    assert {check["id"] for check in masking.values()} == {"default.regexReplace"}
    assert refusing.pop("deny") is True
    assert {(check["id"], check["not"]) for check in refusing.values()} == {("default.regexMatch", True)}


@pytest.mark.parametrize(("kind", "name"), [("e-mail", "email"), ("iban", "iban"), ("card", "card")])
def test_portkeys_patterns_match_what_they_mask(kind: str, name: str) -> None:
    assert re.fullmatch(portkey.MASKED[name], FINDINGS[kind])


def test_mlflow_has_an_endpoint_behind_the_upstream_and_one_behind_the_recorder() -> None:
    endpoints = mlflow.config(upstream=1001, recorder=1002)["endpoints"]
    bases = {each["name"]: each["model"]["config"]["openai_api_base"] for each in endpoints}
    assert bases == {
        "assistant": "http://127.0.0.1:1001/v1",
        "embedder": "http://127.0.0.1:1001/v1",
        PROOF_MODEL: "http://127.0.0.1:1002/v1",
    }
