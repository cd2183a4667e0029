"""Names that the hand-written envoy.yaml, the rendered files and the processor must agree on."""

from __future__ import annotations

PROCESSOR_CLUSTER = "processor"
DENY_CLUSTER = "deny"
ROUTES = "llm"
KEYS = "keys"  # listener, cluster and routes by which Envoy asks itself for the keys of our issuers
CONSOLE_CLUSTER = "console"
SHADOW = "shadow"  # listener, cluster and routes by which copies of requests come back; the role of its processor
SERVER_CERTIFICATE = "server"
CLIENTS_CA = "clients-ca"
IDENTITY_PROVIDER_PREFIX = "idp_"  # of a cluster, before the issuer's name; read by identity/key_watch.py

ROUTE_CONFIGURATION = "envoy.config.route.v3.RouteConfiguration"  # the type of what RDS carries

# Dynamic metadata written by the processor.
PLAN = "gw.plan"  # path, models, …: read by upstream filters and the access log
VERDICT = "gw.route"  # priority_groups: the only way to a provider
USAGE = "gw.usage"

# To clients: what of policy decided where the request went; the model asked for, where a smaller one answers; how many tokens a budget left for each choice of an answer.
DEGRADED_HEADER = "x-gateway-degraded-from"
ROUTE_HEADER = "x-gateway-route"
CONTEXT_HEADER = "x-gateway-context"  # what became of a request that was too long
OUTPUT_CAP_HEADER = "x-gateway-output-cap"

# Of a request whose body the first attempt must translate, too (extproc/headers.py). Removed before it leaves.
RETARGET_HEADER = "x-gateway-retarget"

# The leave of a copy: a request that has it is copied, and only there it is read (extproc/headers.py). Providers never see it.
SHADOW_HEADER = "x-gateway-shadow"

# gRPC metadata on the streams to the processor: set by Envoy's configuration, out of a client's reach.
ROLE_HEADER = "x-gateway-role"
INTERFACE_HEADER = "x-gateway-interface"

# Headers: what no client may set, and within it how the console learns the claims of a verified token, by issuer.
SCRUBBED_PREFIX = "x-gateway-"
CLAIMS_HEADER_PREFIX = "x-gateway-claims-"
