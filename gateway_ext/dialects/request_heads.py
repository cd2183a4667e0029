"""What is served at all: judged by the head of a request."""

from __future__ import annotations

import re

from gateway_ext.errors import ContentTypeUnsupported, EndpointUnknown, MethodNotAllowed
from gateway_ext.exchange import Endpoint, RequestHead

# JSON is UTF-8 (RFC 8259 §8.1). A provider that believed in another charset would read other words than the Guard.
_CONTENT_TYPE = re.compile(r'application/json\s*(;\s*(charset=("?)utf-8\3\s*)?)?', re.IGNORECASE)


def served_endpoint(head: RequestHead) -> Endpoint:
    """The endpoint that is asked. Raises EndpointUnknown, MethodNotAllowed."""
    try:
        endpoint = Endpoint(head.path)
    except ValueError:
        raise EndpointUnknown from None
    if head.method != ("GET" if endpoint is Endpoint.MODELS else "POST"):
        raise MethodNotAllowed
    return endpoint


def require_json(head: RequestHead) -> None:
    """Raises ContentTypeUnsupported for a body that is announced as anything else."""
    if _CONTENT_TYPE.fullmatch(head.content_type) is None:
        raise ContentTypeUnsupported
