"""One tree of errors. What a caller may see, what the audit trail records and what an operator reads are kept apart.

Messages are constants or name things from policy. Nothing that came with a request (text, tokens, header values) may
be put into an error: errors end up in logs, in Envoy's `%RESPONSE_CODE_DETAILS%` and in front of callers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from gateway_ext.quota import Quota


class GatewayError(Exception):
    """Base of all errors raised on purpose."""

    def diagnostics(self) -> str:
        """Words for the operator: what happened, where, and what to do next."""
        return str(self)


class ConfigurationError(GatewayError):
    """Settings, policy or environment are unusable; raised at start-up or on reload, never for a request."""


class Refusal(GatewayError):  # noqa: N818  (a refusal is an answer, not a fault)
    """A request is refused. `code` is stable and documented in docs/errors.md; callers may depend on it.

    `kind` is the `type` of OpenAI's error object. `retry_after_seconds` becomes a Retry-After field. `rules` are those of
    policy that refuse, by name, for the audit trail.
    """

    code: ClassVar[str] = "refused"
    http_status: ClassVar[int] = 403
    kind: ClassVar[str] = "invalid_request_error"
    message: ClassVar[str] = "The gateway refused this request."
    is_lasting: ClassVar[bool] = False  # trying again soon is of no use, whatever the status makes clients believe

    def __init__(
        self,
        message: str | None = None,
        *,
        param: str | None = None,
        retry_after_seconds: int | None = None,
        rules: tuple[str, ...] = (),
    ):
        super().__init__(message or self.message)
        self.param = param
        self.retry_after_seconds = retry_after_seconds
        self.rules = rules


# --- 1 authenticate -------------------------------------------------------------------------------------------------


class Unauthenticated(Refusal):
    code, http_status, kind = "unauthenticated", 401, "authentication_error"
    message = "No verified credential. Send your gateway credential as 'Authorization: Bearer …' or 'x-api-key: …'."


class ClaimMissing(Refusal):
    code, http_status, kind = "claim_missing", 403, "authentication_error"
    message = "The credential is valid but lacks a claim that the gateway's policy requires."


class UserHeaderMissing(Refusal):
    code, http_status, kind = "user_header_missing", 403, "authentication_error"
    message = "This service may only speak for people, and the request does not say for whom."


class UserHeaderInvalid(Refusal):
    code, http_status, kind = "user_header_invalid", 400, "invalid_request_error"
    message = "A header that says for whom this service speaks cannot be understood."


class IdentityProviderUnavailable(Refusal):
    code, http_status, kind = "identity_provider_unavailable", 503, "server_error"
    message = "The keys of your credential's issuer have not been renewed for too long, so it is not believed just now."


class CredentialOnWrongInterface(Refusal):
    code, http_status, kind = "credential_on_wrong_interface", 403, "authentication_error"
    message = "This class of credential is not accepted on this interface."


class CertificateMismatch(Refusal):
    code, http_status, kind = "certificate_mismatch", 401, "authentication_error"
    message = "This credential belongs to another client certificate than the one that it came with."


class CredentialRevoked(Refusal):
    code, http_status, kind = "credential_revoked", 401, "authentication_error"
    message = "This credential has been revoked."


class PersonDisabled(Refusal):
    code, http_status, kind = "person_disabled", 403, "permission_error"
    message = "This account has been disabled. Ask your platform team."


class Stopped(Refusal):
    code, http_status, kind = "stopped", 503, "server_error"
    message = "Stopped by the gateway's operator."
    is_lasting = True


class StandingUnavailable(Refusal):
    code, http_status, kind = "standing_unavailable", 503, "server_error"
    message = "Whether this request may pass cannot be known just now, so it was not sent. Try again shortly."


class AgreementMissing(Refusal):
    code, http_status, kind = "agreement_missing", 403, "permission_error"
    message = "An agreement that the gateway's policy asks for has not been accepted."


class ConsentUnavailable(Refusal):
    code, http_status, kind = "consent_unavailable", 503, "server_error"
    message = "Who has accepted what cannot be known just now, so the request was not sent. Try again shortly."


class ModelNotAllowed(Refusal):
    code, http_status, kind = "model_not_allowed", 403, "permission_error"
    message = "You may not use this model. GET /v1/models lists those you may."


class EndpointNotAllowed(Refusal):
    code, http_status, kind = "endpoint_not_allowed", 403, "permission_error"
    message = "You may use this model, but not at this endpoint."


class PurposeNotAllowed(Refusal):
    code, http_status, kind = "purpose_not_allowed", 403, "permission_error"
    message = "You may use this model only with a credential for a purpose that it is meant for."


class TierNotAllowed(Refusal):
    code, http_status, kind = "tier_not_allowed", 403, "permission_error"
    message = "You may use this model only in tiers that no deployment of it for this endpoint is in."


# --- 0 read ---------------------------------------------------------------------------------------------------------


class EndpointUnknown(Refusal):
    code, http_status = "endpoint_unknown", 404
    message = "The gateway does not serve this endpoint."


class MethodNotAllowed(Refusal):
    code, http_status = "method_not_allowed", 405
    message = "This endpoint does not accept this method."


class BodyInvalid(Refusal):
    code, http_status = "body_invalid", 400
    message = "The request body is not valid JSON for this endpoint."


class BodyTooLarge(Refusal):
    code, http_status = "body_too_large", 413
    message = "The request body is larger than the gateway accepts."


class ContentTypeUnsupported(Refusal):
    code, http_status = "content_type_unsupported", 415
    message = "Send the request as 'Content-Type: application/json'."


class AgentRunInvalid(Refusal):
    code, http_status = "agent_run_invalid", 400
    message = "The header 'x-agent-run' must come once, with 1 to 128 letters, digits and '._:-' that begin with a letter or digit."


class ContentCodingUnsupported(Refusal):
    code, http_status = "content_coding_unsupported", 415
    message = "This Content-Encoding is not supported. Send the body as it is, or with gzip or br."


class ModelUnknown(Refusal):
    code, http_status = "model_not_found", 404
    message = "There is no such model. GET /v1/models lists those you may use."


class EndpointNotServed(Refusal):
    code, http_status = "endpoint_not_served", 400
    message = "No deployment of this model serves this endpoint, and requests of it cannot be translated for any."


class NotTranslatable(Refusal):
    """`param` is the way to the field, in words of the protocol and positions only; `hint` a constant that says what is wrong."""

    code, http_status = "not_translatable", 400
    message = "No deployment of this model that you may use understands a field of this request."

    def __init__(self, param: str, hint: str = ""):
        said = f"No deployment of this model that you may use understands '{param}' of this request"
        super().__init__(f"{said}: {hint}." if hint else f"{said}.", param=param)
        self.hint = hint


class CapabilityMissing(Refusal):
    """`missing` are capabilities as policy names them."""

    code, http_status = "capability_missing", 400
    message = "No deployment of this model can do what the request needs."

    def __init__(self, missing: Sequence[str]):
        super().__init__(
            f"No deployment of this model that you may use can do what the request needs: {', '.join(missing)}."
            " Choose another model, or leave it out.",
            param="model",
        )


class LabelUnknown(Refusal):
    code, http_status = "label_unknown", 400
    message = "A header labels this request in a way that the gateway's policy gives no meaning."


# --- 2 budget -------------------------------------------------------------------------------------------------------


class BudgetExhausted(Refusal):
    """`rule` is the hard budget that has least left, `room_nano`: for us. The message names the first one without room."""

    code, http_status, kind = "budget_exhausted", 429, "insufficient_quota"
    message = "A budget that applies to this request has no room for it."
    rule: str = ""
    room_nano: int | None = None  # nobody knows


class BudgetMissing(Refusal):
    code, http_status, kind = "budget_missing", 429, "insufficient_quota"
    message = "No budget applies to you, so nothing may be spent. Ask your platform team for one."


class AgentRunMissing(Refusal):
    code, http_status = "agent_run_missing", 400
    message = "A budget for runs of agents applies to you. Say which run it is in the header 'x-agent-run'."


class CredentialBudgetUnusable(Refusal):
    code, http_status, kind = "credential_budget_unusable", 403, "permission_error"
    message = (
        "This credential carries a budget that cannot be counted, so nothing may be spent. Ask for a new credential."
    )


class RateLimited(Refusal):
    """`quotas`: what is left of all that apply to the request. `waits_at`: the key of the quota by which it may wait in line,
    and ask again in `wait_seconds`; "": waiting is of no use."""

    code, http_status, kind = "rate_limited", 429, "rate_limit_error"
    message = "A quota that applies to this request has no room for it just now."

    def __init__(
        self,
        message: str | None = None,
        *,
        retry_after_seconds: int | None = None,
        quotas: tuple[Quota, ...] = (),
        waits_at: str = "",
        wait_seconds: float = 0.0,
    ):
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.quotas = quotas
        self.waits_at = waits_at
        self.wait_seconds = wait_seconds


class ContextLengthExceeded(Refusal):
    """In OpenAI's words, which clients look for; `as_messages_say` has Anthropic's. Counts only."""

    code, http_status = "context_length_exceeded", 400
    message = "The request is longer than the model's context."

    def __init__(self, context_tokens: int, input_tokens: int, output_tokens: int):
        if input_tokens < context_tokens:
            self.as_messages_say = (
                f"input length and `max_tokens` exceed context limit: {input_tokens} + {output_tokens} > {context_tokens},"
                " decrease input length or `max_tokens` and try again"
            )
        else:
            self.as_messages_say = f"prompt is too long: {input_tokens} tokens > {context_tokens} maximum"
        super().__init__(
            f"This model's maximum context length is {context_tokens} tokens. However, you requested"
            f" {input_tokens + output_tokens} tokens ({input_tokens} in the messages, {output_tokens} in the completion)."
            " Please reduce the length of the messages or completion.",
            param="messages",
        )


class LedgerUnavailable(Refusal):
    code, http_status, kind = "ledger_unavailable", 503, "server_error"
    message = "The budget ledger cannot be reached, so nothing may be spent. Try again shortly."


# --- 3 inspect ------------------------------------------------------------------------------------------------------


class ContentBlocked(Refusal):
    code, http_status, kind = "content_blocked", 403, "policy_violation"
    message = "The Guard blocked this request because of what it contains."


class ContentUnreadable(Refusal):
    code, http_status, kind = "content_unreadable", 403, "policy_violation"
    message = "The Guard cannot read token ids. Send the input as text."


class GuardTimedOut(Refusal):
    code, http_status, kind = "guard_timeout", 503, "server_error"
    message = "The request could not be inspected in time, so it was not sent."


class AnswerBlocked(Refusal):
    code, http_status, kind = "answer_blocked", 403, "policy_violation"
    message = "The Guard blocked the model's answer because of what it contains."


class AnswerUninspected(Refusal):
    code, http_status, kind = "answer_uninspected", 502, "server_error"
    message = "The model's answer could not be inspected, so it was withheld."


# --- 4 route --------------------------------------------------------------------------------------------------------


class NoSovereignRoute(Refusal):
    code, http_status, kind = "no_sovereign_route", 403, "policy_violation"
    message = "This content may only go to a sovereign deployment, and this model has none."


class RouteDenied(Refusal):
    code, http_status, kind = "route_denied", 403, "policy_violation"
    message = "The gateway's routing rules leave no deployment for this request."


class HistoryUnknown(Refusal):
    code, http_status, kind = "history_unknown", 403, "policy_violation"
    message = "The gateway does not know what this conversation has held. Send its messages instead of its id."


class ConversationsUnavailable(Refusal):
    code, http_status, kind = "conversations_unavailable", 503, "server_error"
    message = "What this conversation holds cannot be remembered just now, so it was not sent. Try again shortly."


class ShadowUnproven(Refusal):
    code = "shadow_unproven"
    message = "This is no copy that the gateway has just made of a request under the policy in force."


# --- 5 forward ------------------------------------------------------------------------------------------------------


class AuditUnavailable(Refusal):
    code, http_status, kind = "audit_unavailable", 503, "server_error"
    message = "The decision cannot be recorded, so the request was not sent."


class Interrupted(Refusal):
    code, http_status, kind = "interrupted", 503, "server_error"
    message = "The exchange ended before the gateway had decided."


class ConditionFailed(Refusal):
    code, http_status, kind = "condition_failed", 500, "server_error"
    message = "A condition of the gateway's policy could not be judged for this request, so it was not sent."


class InternalFailure(Refusal):
    code, http_status, kind = "internal_error", 500, "server_error"
    message = "The gateway failed while deciding, so the request was not sent."
