"""The HTTP filters of a provider's cluster. They run for each attempt, on what the last attempt left behind.

Header mutations of one attempt are still there in the next (Envoy keeps one header map for all), hence: first take away
everything an earlier provider was given, then set absolute values only.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from gateway_ext.envoyconf.messages import Message, duration, typed
from gateway_ext.envoyconf.names import PLAN, PROCESSOR_CLUSTER, RETARGET_HEADER, ROLE_HEADER
from gateway_ext.exchange import Endpoint
from gateway_ext.limits import STEP_DEADLINE_SECONDS
from gateway_ext.routing.rules import Provider

_HTTP = "envoy.extensions.filters.http"
_ATTEMPT_COUNT = "x-envoy-attempt-count"
# All that passes of a request's headers. Any other could tell who asks, steer the provider, or carry text that nobody
# inspected. x-request-id is none of the caller's: random, made by us, what one quotes to a provider's support.
_PASSED = (
    ":authority", ":method", ":path", ":scheme", "content-length", "content-type", "transfer-encoding", "x-request-id",
    _ATTEMPT_COUNT, RETARGET_HEADER,
)  # fmt: skip

# In Anthropic's dialect headers say which version of it is spoken, and with which betas. Only dates and dated names pass:
# a caller could write anything there, and nobody inspects headers.
_ANTHROPIC_PASSED = ("anthropic-beta", "anthropic-version")
_ANTHROPIC_LUA = """\
  if path ~= "/messages" and path ~= "/messages/count_tokens" then
    headers:remove("anthropic-version")
    headers:remove("anthropic-beta")
    return
  end
  local version = headers:get("anthropic-version") or ""
  if not version:match("^20%d%d%-%d%d%-%d%d$") then version = "2023-06-01" end
  headers:replace("anthropic-version", version)
  local betas = {}
  for beta in (headers:get("anthropic-beta") or ""):gmatch("[^,%s]+") do
    if #beta <= 64 and #betas < 32 and beta:match("^[a-z0-9-]+%-20%d%d%-?%d%d%-?%d%d$") then betas[#betas + 1] = beta end
  end
  headers:remove("anthropic-beta")
  if #betas > 0 then headers:add("anthropic-beta", table.concat(betas, ",")) end
"""


def provider_filters(cluster: str, provider: Provider, secrets_directory: PurePosixPath) -> list[Message]:
    """Scrub and path, constants, retarget (where the body is not right as it is), credential, veil, codec."""
    credential = [_credential(provider, secrets_directory)] if provider.credential else []
    scrub = _scrub_and_path(cluster, provider)
    return [scrub, _constants(), _retarget(), *credential, _veil(), _codec()]


def _scrub_and_path(cluster: str, provider: Provider) -> Message:
    """Known headers only, and the provider's own path, without the caller's query: that of the wire format it is sent.

    In Lua because header_mutation can neither remove what is not listed nor touch `:path`.
    """
    is_anthropic = Endpoint.MESSAGES in provider.endpoints
    names = (*_PASSED, *_ANTHROPIC_PASSED) if is_anthropic else _PASSED
    passed = ", ".join(f'["{name}"] = true' for name in names)
    source = (
        f"local passed = {{{passed}}}\n"
        "function envoy_on_request(handle)\n"
        "  local headers, unknown = handle:headers(), {}\n"
        "  for name in pairs(headers) do\n"
        "    if not passed[name] then unknown[#unknown + 1] = name end\n"
        "  end\n"
        "  for _, name in ipairs(unknown) do headers:remove(name) end\n"
        f'  local plan = handle:streamInfo():dynamicMetadata():get("{PLAN}")\n'
        f'  local wire = plan["wires"] and plan["wires"]["{_lua_quoted(cluster)}"]\n'
        '  local path = wire and wire:sub(4) or plan["path"]\n'
        f'  headers:replace(":path", "{_lua_quoted(provider.base_path)}" .. path)\n'
        f"{_ANTHROPIC_LUA if is_anthropic else ''}"
        "end\n"
    )
    return _filter("scrub_and_path", typed(f"{_HTTP}.lua.v3.Lua", default_source_code={"inline_string": source}))


def _lua_quoted(text: str) -> str:
    """Between double quotes: nothing in it can end them."""
    return "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "/._-~") else _lua_escape(letter)
        for letter in text
    )


def _lua_escape(letter: str) -> str:
    return "".join(f"\\{byte:03d}" for byte in letter.encode())


def _constants() -> Message:
    # Native metering reads JSON and events, not gzip. Trailers are headers, too, and come when all was decided.
    constants = [
        _set("accept", "application/json, text/event-stream"),
        _set("accept-encoding", "identity"),
        _set("user-agent", "gateway-ext"),
    ]
    no_trailers = _removed({"safe_regex": {"regex": ".*"}})
    return _mutation("constants", request_mutations=constants, request_trailers_mutations=[no_trailers])


def _veil() -> Message:
    # After the matchers on both. The prefix, because the router adds headers of its own on a retry.
    return _mutation("veil", request_mutations=[_removed({"prefix": "x-envoy-"}), {"remove": RETARGET_HEADER}])


def _retarget() -> Message:
    """The first attempt carries the body the processor made for it, unless it says otherwise; a fallback needs its own."""
    skip = typed("envoy.extensions.filters.common.matcher.action.v3.SkipFilter")
    processor = {"name": "envoy.filters.http.ext_proc", "typed_config": _processor()}
    execute = typed(f"{_HTTP}.composite.v3.ExecuteFilterAction", typed_config=processor)
    run = {"action": {"name": "run", "typed_config": execute}}
    by_attempt = _by_header(_ATTEMPT_COUNT, "1", {"action": {"name": "skip", "typed_config": skip}}, run)
    matcher = typed(
        "envoy.extensions.common.matching.v3.ExtensionWithMatcher",
        xds_matcher=_by_header(RETARGET_HEADER, "1", run, {"matcher": by_attempt}),
        extension_config={"name": "composite", "typed_config": typed(f"{_HTTP}.composite.v3.Composite")},
    )
    return _filter("retarget", matcher)


def _by_header(name: str, value: str, matching: Message, otherwise: Message) -> Message:
    header = typed("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", header_name=name)
    tree = {"input": {"name": name, "typed_config": header}, "exact_match_map": {"map": {value: matching}}}
    return {"matcher_tree": tree, "on_no_match": otherwise}


def _processor() -> Message:
    return typed(
        f"{_HTTP}.ext_proc.v3.ExternalProcessor",
        grpc_service={
            "envoy_grpc": {"cluster_name": PROCESSOR_CLUSTER, "skip_envoy_headers": True},
            "initial_metadata": [{"key": ROLE_HEADER, "value": "upstream"}],
        },
        failure_mode_allow=False,
        processing_mode={
            "request_header_mode": "SEND",
            "response_header_mode": "SKIP",
            "request_body_mode": "BUFFERED",
            "response_body_mode": "NONE",
        },
        request_attributes=["xds.cluster_name", "upstream.request_attempt_count"],
        message_timeout=duration(STEP_DEADLINE_SECONDS),
        metadata_options={"forwarding_namespaces": {"untyped": [PLAN]}},
    )


def _credential(provider: Provider, secrets_directory: PurePosixPath) -> Message:
    """Envoy reads the key from a file (SDS) and puts it into the request: it never enters Python."""
    source = {
        "path": str(secrets_directory / f"{provider.credential}.yaml"),
        "watched_directory": {"path": str(secrets_directory)},
    }
    secret = {
        "name": provider.credential,
        "sds_config": {"path_config_source": source, "resource_api_version": "V3"},
    }
    generic = typed(
        "envoy.extensions.http.injected_credentials.generic.v3.Generic",
        credential=secret,
        header=provider.credential_header,
        header_value_prefix=provider.credential_prefix,
    )
    injected = {"name": "envoy.http.injected_credentials.generic", "typed_config": generic}
    return _filter(
        "credential", typed(f"{_HTTP}.credential_injector.v3.CredentialInjector", overwrite=True, credential=injected)
    )


def _codec() -> Message:
    return _filter("envoy.filters.http.upstream_codec", typed(f"{_HTTP}.upstream_codec.v3.UpstreamCodec"))


def _mutation(name: str, **mutations: list[Message]) -> Message:
    return _filter(name, typed(f"{_HTTP}.header_mutation.v3.HeaderMutation", mutations=mutations))


def _removed(key_matcher: Message) -> Message:
    return {"remove_on_match": {"key_matcher": key_matcher}}


def _set(name: str, value: str) -> Message:
    return {"append": {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}


def _filter(name: str, config: Message) -> Message:
    return {"name": name, "typed_config": config}
