import json
from typing import Any

import pytest
from anthropic.types import ModelInfo
from openai.types import Model

from gateway_ext import errors
from gateway_ext.dialects.own_answers import error_body, model_answer, models_answer, token_count


def test_models_are_listed_as_openais_client_expects() -> None:
    answer = json.loads(models_answer(["small", "large"], created=1_700_000_000, owner="gateway"))
    assert answer["object"] == "list"
    models = [Model.model_validate(model, strict=True) for model in answer["data"]]
    assert [(model.id, model.created, model.owned_by) for model in models] == [
        ("small", 1_700_000_000, "gateway"),
        ("large", 1_700_000_000, "gateway"),
    ]


def test_models_are_listed_as_anthropics_client_expects_too() -> None:
    answer = json.loads(models_answer(["small", "large"], created=0, owner="gateway"))
    models = [ModelInfo.model_validate_json(json.dumps(model), strict=True) for model in answer["data"]]
    assert [(model.id, model.display_name, model.created_at.isoformat()) for model in models] == [
        ("small", "small", "1970-01-01T00:00:00+00:00"),
        ("large", "large", "1970-01-01T00:00:00+00:00"),
    ]
    assert (answer["first_id"], answer["last_id"], answer["has_more"]) == ("small", "large", False)
    assert json.loads(model_answer("large", created=0, owner="gateway")) == answer["data"][1]


def test_a_list_of_no_models() -> None:
    answer = json.loads(models_answer([], created=0, owner="gateway"))
    assert answer == {"object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}


def test_a_count_of_tokens() -> None:
    assert json.loads(token_count(12)) == {"input_tokens": 12}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/files", ""])
def test_an_error_is_openais_error_object(path: str) -> None:
    refusal = errors.ModelUnknown('There is no "such" model.', param="model")
    assert json.loads(error_body(path, refusal, "exchange-1")) == {
        "error": {
            "message": 'There is no "such" model.',
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }
    }


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (errors.Unauthenticated(), "authentication_error"),
        (errors.ClaimMissing(), "permission_error"),
        (errors.ContentBlocked(), "permission_error"),
        (errors.ModelUnknown(), "not_found_error"),
        (errors.MethodNotAllowed(), "invalid_request_error"),
        (errors.BodyInvalid(), "invalid_request_error"),
        (errors.BodyTooLarge(), "request_too_large"),
        (errors.BudgetExhausted(), "rate_limit_error"),
        (errors.InternalFailure(), "api_error"),
        (errors.LedgerUnavailable(), "api_error"),
    ],
    ids=lambda value: getattr(value, "code", value),
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_an_error_of_the_messages_api_is_anthropics(refusal: errors.Refusal, kind: str, path: str) -> None:
    body: dict[str, Any] = json.loads(error_body(path, refusal, "exchange-1"))
    assert body == {
        "type": "error",
        "error": {"type": kind, "message": str(refusal), "param": None, "code": refusal.code},
        "request_id": "exchange-1",
    }


def message(refusal: errors.Refusal, path: str) -> str:
    return str(json.loads(error_body(path, refusal, "id"))["error"]["message"])


def test_what_is_too_long_is_said_in_the_words_that_clients_of_the_dialect_look_for() -> None:
    """Clients compact the conversation, or lower the limit of the answer by these counts."""
    answer_too_long = errors.ContextLengthExceeded(200_000, 184_915, 20_000)
    said = "input length and `max_tokens` exceed context limit: 184915 + 20000 > 200000,"
    assert message(answer_too_long, "/v1/messages").startswith(said)
    prompt_too_long = errors.ContextLengthExceeded(200_000, 209_999, 20_000)
    assert message(prompt_too_long, "/v1/messages") == "prompt is too long: 209999 tokens > 200000 maximum"
    for refusal in (answer_too_long, prompt_too_long):
        assert message(refusal, "/v1/chat/completions").startswith(
            "This model's maximum context length is 200000 tokens"
        )
