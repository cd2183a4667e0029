"""Between protobuf messages and our events and commands. The only importer of ext_proc_pb2 beside the server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from google.protobuf.struct_pb2 import ListValue, Struct, Value

from gateway_ext.exchange import Answer, Candidate, ResponseReading
from gateway_ext.extproc import commands as c
from gateway_ext.extproc import events as e
from gateway_ext.extproc.headers import (
    REMOVED_ON_FORWARD,
    REQUEST_FIELDS,
    RESPONSE_FIELDS,
    RETARGET_FIELD,
    SHADOW_FIELD,
)
from gateway_ext.wire import ext_proc_pb2 as pb

_OVERWRITE = pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
_ATTRIBUTES_NAMESPACE = "envoy.filters.http.ext_proc"


def decode(message: pb.ProcessingRequest, user_headers: frozenset[str] = frozenset()) -> e.Event | None:
    """The event a message stands for; None for an empty message, which Envoy never sends.

    `user_headers` are those that policy lets front ends name people in: of all others only what headers.py lists is kept.
    """
    kind = message.WhichOneof("request")
    if kind == "request_body":
        return e.RequestBody(message.request_body.body)
    if kind == "response_headers":
        fields = _fields(message.response_headers.headers, RESPONSE_FIELDS)
        status = fields.get(":status", "")
        return e.ResponseHeaders(
            status=int(status) if status.isascii() and status.isdigit() else 0,
            content_type=fields.get("content-type", ""),
            content_encoding=fields.get("content-encoding", ""),
            end_of_stream=message.response_headers.end_of_stream,
            cluster=_attribute(message, "xds.cluster_name"),
        )
    if kind == "response_body":
        return e.ResponseBody(message.response_body.body, message.response_body.end_of_stream)
    if kind == "request_headers":
        return e.RequestHeaders(
            fields=_fields(message.request_headers.headers, REQUEST_FIELDS),
            metadata={
                name: _claims(value.SerializeToString()) if name == e.JWT_NAMESPACE else as_dict(value)
                for name, value in message.metadata_context.filter_metadata.items()
            },
            attributes=as_dict(message.attributes[_ATTRIBUTES_NAMESPACE])
            if _ATTRIBUTES_NAMESPACE in message.attributes
            else {},
            end_of_stream=message.request_headers.end_of_stream,
            user_headers=_values(message.request_headers.headers, user_headers) if user_headers else {},
        )
    if kind == "request_trailers":
        return e.RequestTrailers()
    if kind == "response_trailers":
        return e.ResponseTrailers()
    return None


def _attribute(message: pb.ProcessingRequest, name: str) -> str:
    if _ATTRIBUTES_NAMESPACE not in message.attributes:
        return ""
    return message.attributes[_ATTRIBUTES_NAMESPACE].fields[name].string_value


def _fields(headers: pb.HeaderMap, wanted: frozenset[str]) -> dict[str, str]:
    # Repeated fields are joined, so that `content-encoding: gzip` twice is seen as two codings.
    found: dict[str, str] = {}
    for header in headers.headers:
        if header.key in wanted:
            value = header.raw_value.decode("latin-1")
            found[header.key] = f"{found[header.key]}, {value}" if header.key in found else value
    return found


def _values(headers: pb.HeaderMap, wanted: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Apart, because a list of people could pass for one, or one for a list."""
    found: dict[str, tuple[str, ...]] = {}
    for header in headers.headers:
        if header.key in wanted:
            found[header.key] = (*found.get(header.key, ()), header.raw_value.decode("latin-1"))
    return found


def as_dict(struct: Struct) -> dict[str, Any]:
    """A Struct as plain Python values. Numbers are doubles, as google.protobuf.Value has no others."""
    return {name: _plain(value) for name, value in struct.fields.items()}


@lru_cache(maxsize=1024)
def _claims(serialized: bytes) -> Mapping[str, Any]:
    """Of verified tokens: a caller sends the same one again and again."""
    return as_dict(Struct.FromString(serialized))


def _plain(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "number_value":
        return value.number_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        return as_dict(value.struct_value)
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    return None


# Only from here on Envoy shows us response headers (envoy.yaml). An override says the whole mode: what is left out is NONE.
_CONTINUE_REQUEST_HEADERS = pb.ProcessingResponse(
    request_headers=pb.HeadersResponse(),
    mode_override=pb.ProcessingMode(
        request_body_mode=pb.ProcessingMode.BUFFERED, response_header_mode=pb.ProcessingMode.SEND
    ),
)
_PASS_REQUEST_TRAILERS = pb.ProcessingResponse(request_trailers=pb.TrailersResponse())
_READING = {
    ResponseReading.NOTHING: pb.ProcessingResponse(response_headers=pb.HeadersResponse()),
    ResponseReading.WHOLE: pb.ProcessingResponse(
        response_headers=pb.HeadersResponse(),
        mode_override=pb.ProcessingMode(response_body_mode=pb.ProcessingMode.BUFFERED),
    ),
    ResponseReading.STREAM: pb.ProcessingResponse(
        response_headers=pb.HeadersResponse(),
        mode_override=pb.ProcessingMode(
            response_body_mode=pb.ProcessingMode.FULL_DUPLEX_STREAMED,
            response_trailer_mode=pb.ProcessingMode.SEND,
        ),
    ),
}


def encode(command: c.Command) -> pb.ProcessingResponse:
    """The message a command stands for. Constant ones are shared: do not change what is returned."""
    match command:
        case c.ReadRequestBody():
            return _CONTINUE_REQUEST_HEADERS
        case c.ForwardRequest():
            return _forward(command)
        case c.ReadResponse(reading):
            return _READING[reading]
        case c.PassChunk(body, end_of_stream, reading):
            streamed = pb.StreamedBodyResponse(body=body, end_of_stream=end_of_stream)
            mutation = pb.BodyMutation(streamed_response=streamed)
            chunk = pb.BodyResponse(response=pb.CommonResponse(body_mutation=mutation))
            return _with_reading(pb.ProcessingResponse(response_body=chunk), reading)
        case c.PassWholeResponse(body, reading):
            whole = pb.BodyResponse()
            if body is not None:  # of another length, which Envoy 1.40 takes from us for requests only
                whole.response.header_mutation.remove_headers.append("content-length")
                whole.response.body_mutation.body = body
            return _with_reading(pb.ProcessingResponse(response_body=whole), reading)
        case c.AnswerNow(answer, reading):
            return _answer(answer, reading)
        case c.RetargetRequest(body):
            return pb.ProcessingResponse(request_body=pb.BodyResponse(response=_replaced(body, ())))
        case c.PassRequestTrailers():
            return _PASS_REQUEST_TRAILERS
        case c.PassResponseTrailers(reading):
            return _with_reading(pb.ProcessingResponse(response_trailers=pb.TrailersResponse()), reading)


def _with_reading(response: pb.ProcessingResponse, reading: c.Reading | None) -> pb.ProcessingResponse:
    if reading is not None:
        told: dict[str, Any] = {"flag": reading.flag} if reading.flag else {}
        if reading.usage is None and reading.seen_tokens is not None:
            told["seen_tokens"] = reading.seen_tokens
        if reading.usage is not None:
            told["input_tokens"] = reading.usage.input_tokens
            told["output_tokens"] = reading.usage.output_tokens
            told["cached_input_tokens"] = reading.usage.cached_input_tokens
            told |= reading.usage.kinds()
        response.dynamic_metadata.update({"gw.usage": told})
    return response


def _answer(answer: Answer, reading: c.Reading | None) -> pb.ProcessingResponse:
    immediate = pb.ImmediateResponse(
        status=pb.HttpStatus(code=answer.http_status),
        headers=pb.HeaderMutation(
            set_headers=[
                *(_header(name, value) for name, value in answer.headers),
                _header("x-request-id", answer.exchange_id),
            ]
        ),
        body=answer.body,
        details=f"gateway_ext_{answer.reason}",
    )
    response = pb.ProcessingResponse(immediate_response=immediate)
    if reading is not None:  # the model has answered, so its plan stands, with the hold to be settled
        return _with_reading(response, reading)
    response.dynamic_metadata.fields["gw.plan"].CopyFrom(_value({"id": answer.exchange_id}))
    return response


def _forward(command: c.ForwardRequest) -> pb.ProcessingResponse:
    removed = (*REMOVED_ON_FORWARD, "content-encoding") if command.drop_content_encoding else REMOVED_ON_FORWARD
    common = _replaced(command.body, removed)
    common.clear_route_cache = True  # the route is picked again, by the verdict
    if command.retargets_first:
        common.header_mutation.set_headers.append(_header(RETARGET_FIELD, "1"))
    if command.shadow:
        common.header_mutation.set_headers.append(_header(SHADOW_FIELD, command.shadow))
    response = pb.ProcessingResponse(request_body=pb.BodyResponse(response=common))
    fields = response.dynamic_metadata.fields
    candidates = tuple(command.candidates)
    fields["gw.route"].CopyFrom(_route(candidates))
    fields["gw.plan"].CopyFrom(_value(command.plan))
    fields["gw.plan"].struct_value.fields["models"].CopyFrom(_models(candidates))
    return response


@lru_cache(maxsize=1024)
def _route(candidates: tuple[Candidate, ...]) -> Value:
    """The verdict as PriorityGroupClusterSpecifier reads it. There are few of them, and each costs as much as a parse."""
    groups = [
        {"name": str(position), "clusters": [{"cluster_name": candidate.cluster, "weight": 1}]}
        for position, candidate in enumerate(candidates)
    ]
    return _value({"priority_groups": groups})


@lru_cache(maxsize=1024)
def _models(candidates: tuple[Candidate, ...]) -> Value:
    """What each provider calls the model, by cluster: for a further attempt, which only knows where it is going."""
    return _value({candidate.cluster: candidate.model for candidate in candidates})


def _value(value: Any) -> Value:
    """As protobuf's own Struct.update, at a quarter of its cost."""
    match value:
        case str():
            return Value(string_value=value)
        case int() | float():
            return Value(number_value=value)
        case Mapping():
            return Value(struct_value=Struct(fields={name: _value(item) for name, item in value.items()}))
        case list():
            return Value(list_value=ListValue(values=[_value(item) for item in value]))
    raise TypeError(type(value).__name__)


def _replaced(body: bytes | None, removed: Iterable[str]) -> pb.CommonResponse:
    common = pb.CommonResponse()
    if removed:
        common.header_mutation.remove_headers.extend(removed)
    if body is not None:
        # Envoy answers 500 when a replaced body does not have its own length.
        common.header_mutation.set_headers.append(_header("content-length", str(len(body))))
        common.body_mutation.body = body
    return common


def _header(name: str, value: str) -> pb.HeaderValueOption:
    return pb.HeaderValueOption(
        header=pb.HeaderValue(key=name, raw_value=value.encode("latin-1")), append_action=_OVERWRITE
    )
