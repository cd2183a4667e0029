"""The nouns of one request. Frozen and slotted: a decision cannot change under the reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Any, NewType

from gateway_ext.quota import Quota

VerifiedClaims = NewType("VerifiedClaims", Mapping[str, Any])
"""Claims of a token whose signature, issuer, audience and times Envoy has checked."""

UntrustedBody = NewType("UntrustedBody", bytes)
"""A body as it came from the caller, already free of content codings but not yet parsed."""


class Interface(StrEnum):
    """Which listener of Envoy the request came in by. Told by Envoy's own gRPC metadata, never by a header."""

    PUBLIC = "public"
    INTERNAL = "internal"


class CredentialClass(StrEnum):
    SSO = "sso"
    PERSONAL = "personal"
    SERVICE = "service"


class Dialect(StrEnum):
    """The family of wire formats that a provider speaks, and the callers of an endpoint."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"


class Endpoint(StrEnum):
    """What we serve. The value is the path below which providers mount it, too."""

    CHAT_COMPLETIONS = "/v1/chat/completions"
    COMPLETIONS = "/v1/completions"
    EMBEDDINGS = "/v1/embeddings"
    RESPONSES = "/v1/responses"
    MESSAGES = "/v1/messages"
    COUNT_TOKENS = "/v1/messages/count_tokens"
    MODELS = "/v1/models"

    @property
    def dialect(self) -> Dialect:
        return Dialect.ANTHROPIC if self.about is Endpoint.MESSAGES else Dialect.OPENAI

    @property
    def about(self) -> Endpoint:
        """The endpoint whose requests it is about: who may send them may ask about them, and policy judges both alike."""
        return Endpoint.MESSAGES if self is Endpoint.COUNT_TOKENS else self

    @property
    def translatable_to(self) -> tuple[Endpoint, ...]:
        """Where a request of this endpoint can go instead, in another wire format; the closest first."""
        return _TRANSLATABLE.get(self, ())


_TRANSLATABLE = {
    Endpoint.CHAT_COMPLETIONS: (Endpoint.MESSAGES,),
    Endpoint.MESSAGES: (Endpoint.CHAT_COMPLETIONS,),
    Endpoint.RESPONSES: (Endpoint.CHAT_COMPLETIONS, Endpoint.MESSAGES),
}

ENDPOINTS_OF = {
    dialect: frozenset(each for each in Endpoint if each.dialect is dialect and each is not Endpoint.MODELS)
    for dialect in Dialect
}
"""What a provider serves that speaks a dialect in full."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What Envoy says about a client certificate that it has verified. Empty where there is none."""

    uri: str = ""  # the first URI among its subject alternative names
    sha256: str = ""  # of the certificate in DER, hexadecimal


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The head of a request as Envoy tells it. `claims` maps the name of the verifying issuer to its claims.

    `user_headers` holds what came in the headers that policy lets some front end set, every value of each: whether this
    caller is that front end is not known yet. `agent_run` is what the caller says about which run of an agent asks, as it
    came; None: nothing. `traceparent` is that header, likewise.
    """

    interface: Interface
    method: str
    path: str  # without the query
    content_type: str
    content_encoding: str
    source_address: str
    claims: Mapping[str, VerifiedClaims]
    certificate: ClientCertificate = field(default_factory=ClientCertificate)
    user_headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    agent_run: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class TraceParent:
    """The caller's span of a distributed trace (W3C Trace Context). Ids are lower-case hexadecimal, 32 and 16 digits."""

    trace_id: str
    span_id: str
    is_sampled: bool


@dataclass(frozen=True, slots=True)
class CredentialBudget:
    """What a credential of ours may spend in each window, however much policy allows its owner.

    `account` is the id of the first credential of its line: rotating it fills nothing up.
    """

    account: str
    currency: str  # ISO 4217
    limit_nano: int
    window: str = "month"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling: a real person or a named service. Made from verified claims only.

    Somebody for whom a front end asks is made from its word: `asserted_by` is that service, as its own claims make it, and
    the credential is its.
    """

    subject: str
    kind: str  # person | service
    issuer: str
    credential_class: CredentialClass
    credential_id: str
    team: str = ""
    project: str = ""
    application: str = ""
    environment: str = ""
    groups: frozenset[str] = frozenset()
    purpose: str = ""
    email: str = ""
    cost_center: str = ""
    models: tuple[str, ...] | None = None  # patterns that the credential is narrowed to; None = it is not
    budget: CredentialBudget | None = None  # that the credential is narrowed to; None = it is not
    asserted_by: Principal | None = None

    @property
    def front_end(self) -> str:
        """The subject of the front end that asks for this person; empty when nobody stands in between."""
        return self.asserted_by.subject if self.asserted_by is not None else ""


@dataclass(frozen=True, slots=True)
class Labels:
    """What is said about the content of a request, in policy's words. `are_trusted`: by a front end that policy believes."""

    names: frozenset[str] = frozenset()
    are_trusted: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a request that the Guard reads.

    `pointer` addresses the string in the parsed body (keys and positions; may hold caller-chosen keys, so it never
    leaves the process). `place` is its printable form with caller-chosen keys replaced by `*`. `is_key` marks what is
    inspected but cannot be redacted in place: a caller-chosen object key, what was read in an attachment. `mark` names
    the detector that the text as such is a finding of; its `value` is then not searched, only fingerprinted.
    """

    pointer: tuple[str | int, ...]
    place: str
    role: str
    value: str
    is_key: bool = False
    mark: str = ""


class Carriage(StrEnum):
    """How an attachment comes with a request."""

    DATA = "data"  # within it: base64 or a data URL
    REMOTE = "remote"  # a URL that the provider fetches
    FILE_ID = "file_id"  # kept at the provider


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that comes with a request. `value` is the encoded bytes, the URL or the id, as the string at `pointer`."""

    pointer: tuple[str | int, ...]
    place: str
    role: str
    carriage: Carriage
    value: str = field(repr=False)
    media_type: str = ""  # as declared beside it; a data URL has its own
    extra_tokens: int = 0  # that it may cost beyond one for each of its bytes in the body


@dataclass(frozen=True, slots=True)
class Prompt:
    """A parsed request: what the steps after reading need to know. `document` is the parsed JSON; do not change it."""

    endpoint: Endpoint
    model: str
    document: Mapping[str, Any]
    texts: tuple[Text, ...]
    is_stream: bool
    asked_for_usage: bool
    output_tokens_asked: int | None  # max_tokens and its synonyms, times n
    choices: int
    body_bytes: int
    has_token_ids: bool = False  # input as numbers of a vocabulary: words that the Guard cannot read
    continues_elsewhere: bool = False  # the provider adds what was said before, with placeholders we know nothing of
    attachments: tuple[Attachment, ...] = ()  # those in DATA are not among `texts`
    output_tokens_least: int = 1  # of a choice; a lower limit would be refused by the provider
    needs: frozenset[str] = frozenset()  # what a deployment must be capable of: tools, vision, json_mode, …


@dataclass(frozen=True, slots=True)
class Estimate:
    """Upper bounds. A token of text is at least one byte of UTF-8, which makes the input bound safe; what costs tokens
    without bytes counts by `Attachment.extra_tokens`."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a provider says it used. `input_tokens` and `output_tokens` include all kinds below (OTel GenAI's rule).

    `served_ns` is no figure of the provider's: how long it took, from the request to the last byte of the answer.
    """

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0  # read from the provider's cache
    is_estimated: bool = False
    cache_write_tokens: int = 0  # of the input, written to the cache
    cache_write_1h_tokens: int = 0  # of those, the ones kept for an hour
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    image_output_tokens: int = 0
    served_ns: int = 0

    def kinds(self) -> dict[str, int]:
        """The tokens of each of TOKEN_KINDS, by name; without those of which there are none."""
        counts = _KINDS_OF(self)
        return {name: tokens for name, tokens in zip(TOKEN_KINDS, counts, strict=True) if tokens} if any(counts) else {}

    def has_kinds(self) -> bool:
        return any(_KINDS_OF(self))


TOKEN_KINDS = (
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "image_input_tokens",
    "image_output_tokens",
)
"""Fields of Usage that most answers have none of: carried from place to place by name, and only when above 0."""

OUTPUT_KINDS = frozenset({"reasoning_tokens", "audio_output_tokens", "image_output_tokens"})

_KINDS_OF = attrgetter(*TOKEN_KINDS)


@dataclass(frozen=True, slots=True)
class Hold:
    """Money reserved for one exchange. `id` is the exchange's id: reserving twice is the same hold.

    `over` names the soft budgets that it exceeds, `quotas` tells what is left of those that apply.
    """

    id: str
    amount_nano: int
    currency: str
    over: tuple[str, ...] = ()
    quotas: tuple[Quota, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A deployment this request may go to. `cluster` is Envoy's name for it.

    `capabilities` None: not stated, so any. `substitute_for` names the virtual model in whose place this one answers.
    """

    cluster: str
    provider: str
    model: str
    jurisdiction: str
    tier: str
    endpoints: frozenset[Endpoint] = ENDPOINTS_OF[Dialect.OPENAI]  # that it serves without translation
    weight: int = 1  # its share, where traffic is split
    context_tokens: int = 0  # 0: the model's
    capabilities: frozenset[str] | None = None
    substitute_for: str = ""

    def wire(self, endpoint: Endpoint) -> Endpoint | None:
        """The wire format in which a request of `endpoint` reaches it; None when there is none."""
        if endpoint in self.endpoints:
            return endpoint
        return next((each for each in endpoint.translatable_to if each in self.endpoints), None)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector found. Carries places and a keyed fingerprint, never the value.

    `role` is that of the text: an injection in a tool's result is an indirect one.
    """

    detector: str
    detector_version: str
    data_class: str  # personal | secret | confidential | injection | harmful
    text_index: int  # into Prompt.texts
    place: str
    start: int
    end: int
    confidence: float
    action: str  # log | pseudonymize | redact | block; allowed: policy knows this value
    sovereign: bool
    fingerprint: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The gateway answers by itself; no model is contacted. `reason` is a constant: it becomes a response code detail."""

    http_status: int
    body: bytes
    reason: str
    exchange_id: str
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)


@dataclass(frozen=True, slots=True)
class Forward:
    """Envoy may forward. `body` is None when the caller's bytes go out unchanged."""

    body: bytes | None
    candidates: tuple[Candidate, ...]
    plan: Mapping[str, Any]  # travels in Envoy's dynamic metadata as gw.plan
    drop_content_encoding: bool = False
    retargets_first: bool = False  # the first attempt is translated, too: the body is not in its wire format
    shadow: str = ""  # the leave of its copy (steps/shadow_leave.py); "": it is not copied


class ResponseReading(StrEnum):
    """What the processor reads of a response."""

    NOTHING = "nothing"  # Envoy meters natively
    WHOLE = "whole"  # JSON, buffered
    STREAM = "stream"  # server-sent events, chunk by chunk


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an exchange ended, from Envoy's access log, the inspected response or the sweeper.

    A `usage` that is estimated is what the beginning of a stream said: its input, while the output is unknown.
    """

    exchange_id: str
    hold_id: str
    http_status: int
    cluster: str
    usage: Usage | None
    request_bytes: int
    response_bytes: int
    attempts: int
    duration_ns: int
    time_to_first_byte_ns: int
    saw_end_of_stream: bool
    settled_by: str
    flags: tuple[str, ...] = field(default=())
    reason: str = ""
    served_ns: int = 0  # from the request's first byte to the provider to the last one of the answer
    output_tokens_seen: int | None = None  # that went to the caller at most, as counted on the way; None: not counted
    tried: tuple[str, ...] = ()  # after more than one attempt: the clusters of the verdict, in order
    source_address: str = ""  # of an exchange that Envoy refused by itself
