import json

from openai.types import Model

from gateway_ext.dialects.openai import error_body, models_answer


def test_models_are_listed_as_openais_client_expects() -> None:
    answer = json.loads(models_answer(["small", "large"], created=1_700_000_000, owner="gateway"))
    assert answer["object"] == "list"
    models = [Model.model_validate(model, strict=True) for model in answer["data"]]
    assert [(model.id, model.created, model.owned_by) for model in models] == [
        ("small", 1_700_000_000, "gateway"),
        ("large", 1_700_000_000, "gateway"),
    ]


def test_an_error_is_openais_error_object() -> None:
    body = error_body("model_not_found", "invalid_request_error", 'There is no "such" model.', None)
    assert json.loads(body) == {
        "error": {
            "message": 'There is no "such" model.',
            "type": "invalid_request_error",
            "param": None,
            "code": "model_not_found",
        }
    }
