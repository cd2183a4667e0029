"""Callers of the Responses API, deployments that speak chat completions."""

from __future__ import annotations

from gateway_ext.dialects.translation.contract import Way
from gateway_ext.dialects.translation.responses_answer import response_of
from gateway_ext.dialects.translation.responses_request import chat_request
from gateway_ext.dialects.translation.responses_stream import EventsOfResponse

WAY = Way(request=chat_request, answer=response_of, stream=EventsOfResponse)
