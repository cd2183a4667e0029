"""What is served at all: judged by the head of a request."""

from __future__ import annotations

import re
from urllib.parse import unquote

from gateway_ext.errors import AgentRunInvalid, ContentTypeUnsupported, EndpointUnknown, MethodNotAllowed
from gateway_ext.exchange import Endpoint, RequestHead
from gateway_ext.limits import AGENT_RUN_CHARACTERS_MAX

# JSON is UTF-8 (RFC 8259 §8.1). A provider that believed in another charset would read other words than the Guard.
_CONTENT_TYPE = re.compile(r'application/json\s*(;\s*(charset=("?)utf-8\3\s*)?)?', re.IGNORECASE)

_ONE_MODEL = f"{Endpoint.MODELS}/"

# In keys of accounts and in records: nothing that could pass for another part of these, or carry text.
_RUN = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{AGENT_RUN_CHARACTERS_MAX - 1}}}")


def served_endpoint(head: RequestHead) -> Endpoint:
    """The endpoint that is asked. Raises EndpointUnknown, MethodNotAllowed."""
    try:
        endpoint = Endpoint.MODELS if head.path.startswith(_ONE_MODEL) else Endpoint(head.path)
    except ValueError:
        raise EndpointUnknown from None
    if head.method != ("GET" if endpoint is Endpoint.MODELS else "POST"):
        raise MethodNotAllowed
    return endpoint


def model_asked(head: RequestHead) -> str | None:
    """The model that `GET /v1/models/{model}` names; None for the list of all."""
    return unquote(head.path.removeprefix(_ONE_MODEL)) if head.path.startswith(_ONE_MODEL) else None


def agent_run(head: RequestHead) -> str:
    """The id of the run, "" when none is named. Raises AgentRunInvalid, also when it comes twice (the fields are then joined)."""
    if head.agent_run is None:
        return ""
    if _RUN.fullmatch(head.agent_run) is None:
        raise AgentRunInvalid(param="x-agent-run")
    return head.agent_run


def require_json(head: RequestHead) -> None:
    """Raises ContentTypeUnsupported for a body that is announced as anything else."""
    if _CONTENT_TYPE.fullmatch(head.content_type) is None:
        raise ContentTypeUnsupported
