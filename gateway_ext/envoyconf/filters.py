"""The HTTP filters of a provider's cluster. They run for each attempt, on what the last attempt left behind.

Header mutations of one attempt are still there in the next (Envoy keeps one header map for all), hence: first take away
everything an earlier provider was given, then set absolute values only.
"""

from __future__ import annotations

import datetime
from pathlib import PurePosixPath

from envoy_data_plane.envoy.config.common.mutation_rules.v3 import HeaderMutation, HeaderMutationRemoveOnMatch
from envoy_data_plane.envoy.config.core.v3 import (
    ApiVersion,
    ConfigSource,
    DataSource,
    GrpcService,
    GrpcServiceEnvoyGrpc,
    HeaderValue,
    HeaderValueOption,
    HeaderValueOptionHeaderAppendAction,
    PathConfigSource,
    TypedExtensionConfig,
    WatchedDirectory,
)
from envoy_data_plane.envoy.extensions.common.matching.v3 import ExtensionWithMatcher
from envoy_data_plane.envoy.extensions.filters.common.matcher.action.v3 import SkipFilter
from envoy_data_plane.envoy.extensions.filters.http.composite.v3 import Composite, ExecuteFilterAction
from envoy_data_plane.envoy.extensions.filters.http.credential_injector.v3 import CredentialInjector
from envoy_data_plane.envoy.extensions.filters.http.ext_proc.v3 import (
    ExternalProcessor,
    MetadataOptions,
    MetadataOptionsMetadataNamespaces,
    ProcessingMode,
    ProcessingModeBodySendMode,
    ProcessingModeHeaderSendMode,
)
from envoy_data_plane.envoy.extensions.filters.http.header_mutation.v3 import HeaderMutation as HeaderMutationFilter
from envoy_data_plane.envoy.extensions.filters.http.header_mutation.v3 import Mutations
from envoy_data_plane.envoy.extensions.filters.http.lua.v3 import Lua
from envoy_data_plane.envoy.extensions.filters.http.upstream_codec.v3 import UpstreamCodec
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.extensions.http.injected_credentials.generic.v3 import Generic
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import SdsSecretConfig
from envoy_data_plane.envoy.type.matcher.v3 import HttpRequestHeaderMatchInput, RegexMatcher, StringMatcher
from envoy_data_plane.google.protobuf import Any
from envoy_data_plane.xds.core.v3 import TypedExtensionConfig as XdsExtension
from envoy_data_plane.xds.type.matcher.v3 import Matcher, MatcherMatcherTree, MatcherMatcherTreeMatchMap, MatcherOnMatch

from gateway_ext.envoyconf.names import PLAN, PROCESSOR_CLUSTER, RETARGET_HEADER, ROLE_HEADER
from gateway_ext.exchange import Endpoint
from gateway_ext.limits import STEP_DEADLINE_SECONDS
from gateway_ext.routing.rules import Provider

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


def provider_filters(cluster: str, provider: Provider, secrets_directory: PurePosixPath) -> list[HttpFilter]:
    """Scrub and path, constants, retarget (where the body is not right as it is), credential, veil, codec."""
    credential = [_credential(provider, secrets_directory)] if provider.credential else []
    scrub = _scrub_and_path(cluster, provider)
    return [scrub, _constants(), _retarget(), *credential, _veil(), _codec()]


def _scrub_and_path(cluster: str, provider: Provider) -> HttpFilter:
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
    return _filter("scrub_and_path", Lua(default_source_code=DataSource(inline_string=source)))


def _lua_quoted(text: str) -> str:
    """Between double quotes: nothing in it can end them."""
    return "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "/._-~") else _lua_escape(letter)
        for letter in text
    )


def _lua_escape(letter: str) -> str:
    return "".join(f"\\{byte:03d}" for byte in letter.encode())


def _constants() -> HttpFilter:
    # Native metering reads JSON and events, not gzip. Trailers are headers, too, and come when all was decided.
    no_trailers = HeaderMutation(
        remove_on_match=HeaderMutationRemoveOnMatch(key_matcher=StringMatcher(safe_regex=RegexMatcher(regex=".*")))
    )
    constants = [
        _set("accept", "application/json, text/event-stream"),
        _set("accept-encoding", "identity"),
        _set("user-agent", "gateway-ext"),
    ]
    mutations = Mutations(request_mutations=constants, request_trailers_mutations=[no_trailers])
    return _filter("constants", HeaderMutationFilter(mutations=mutations))


def _veil() -> HttpFilter:
    # After the matchers on both. The prefix, because the router adds headers of its own on a retry.
    envoys = HeaderMutation(remove_on_match=HeaderMutationRemoveOnMatch(key_matcher=StringMatcher(prefix="x-envoy-")))
    ours = HeaderMutation(remove=RETARGET_HEADER)
    return _filter("veil", HeaderMutationFilter(mutations=Mutations(request_mutations=[envoys, ours])))


def _retarget() -> HttpFilter:
    """The first attempt carries the body the processor made for it, unless it says otherwise; a fallback needs its own."""
    skip = MatcherOnMatch(action=XdsExtension(name="skip", typed_config=Any.pack(SkipFilter())))
    execute = ExecuteFilterAction(
        typed_config=TypedExtensionConfig(name="envoy.filters.http.ext_proc", typed_config=Any.pack(_processor()))
    )
    run = MatcherOnMatch(action=XdsExtension(name="run", typed_config=Any.pack(execute)))
    by_attempt = _by_header(_ATTEMPT_COUNT, "1", skip, run)
    matcher = _by_header(RETARGET_HEADER, "1", run, MatcherOnMatch(matcher=by_attempt))
    composite = TypedExtensionConfig(name="composite", typed_config=Any.pack(Composite()))
    return _filter("retarget", ExtensionWithMatcher(xds_matcher=matcher, extension_config=composite))


def _by_header(name: str, value: str, matching: MatcherOnMatch, otherwise: MatcherOnMatch) -> Matcher:
    header = XdsExtension(name=name, typed_config=Any.pack(HttpRequestHeaderMatchInput(header_name=name)))
    tree = MatcherMatcherTree(input=header, exact_match_map=MatcherMatcherTreeMatchMap(map={value: matching}))
    return Matcher(matcher_tree=tree, on_no_match=otherwise)


def _processor() -> ExternalProcessor:
    return ExternalProcessor(
        grpc_service=GrpcService(
            envoy_grpc=GrpcServiceEnvoyGrpc(cluster_name=PROCESSOR_CLUSTER, skip_envoy_headers=True),
            initial_metadata=[HeaderValue(key=ROLE_HEADER, value="upstream")],
        ),
        failure_mode_allow=False,
        message_timeout=datetime.timedelta(seconds=STEP_DEADLINE_SECONDS),
        request_attributes=["xds.cluster_name", "upstream.request_attempt_count"],
        metadata_options=MetadataOptions(forwarding_namespaces=MetadataOptionsMetadataNamespaces(untyped=[PLAN])),
        processing_mode=ProcessingMode(
            request_header_mode=ProcessingModeHeaderSendMode.SEND,
            request_body_mode=ProcessingModeBodySendMode.BUFFERED,
            response_header_mode=ProcessingModeHeaderSendMode.SKIP,
            response_body_mode=ProcessingModeBodySendMode.NONE,
        ),
    )


def _credential(provider: Provider, secrets_directory: PurePosixPath) -> HttpFilter:
    """Envoy reads the key from a file (SDS) and puts it into the request: it never enters Python."""
    source = PathConfigSource(
        path=str(secrets_directory / f"{provider.credential}.yaml"),
        watched_directory=WatchedDirectory(path=str(secrets_directory)),
    )
    secret = SdsSecretConfig(
        name=provider.credential,
        sds_config=ConfigSource(path_config_source=source, resource_api_version=ApiVersion.V3),
    )
    generic = Generic(
        credential=secret, header=provider.credential_header, header_value_prefix=provider.credential_prefix
    )
    injected = TypedExtensionConfig(name="envoy.http.injected_credentials.generic", typed_config=Any.pack(generic))
    return _filter("credential", CredentialInjector(overwrite=True, credential=injected))


def _codec() -> HttpFilter:
    return _filter("envoy.filters.http.upstream_codec", UpstreamCodec())


def _set(name: str, value: str) -> HeaderMutation:
    option = HeaderValueOption(
        header=HeaderValue(key=name, value=value),
        append_action=HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    )
    return HeaderMutation(append=option)


def _filter(
    name: str,
    config: HeaderMutationFilter | Lua | ExtensionWithMatcher | CredentialInjector | UpstreamCodec,
) -> HttpFilter:
    return HttpFilter(name=name, typed_config=Any.pack(config))
