"""Every bound in one place, units last in the name. Policy may lower the ones marked so, never raise them."""

# Requests
REQUEST_BODY_BYTES_MAX = 32 * 1024 * 1024  # Envoy's route limit is the same number; Envoy answers 413 first
DECODED_BODY_BYTES_MAX = REQUEST_BODY_BYTES_MAX
DECODED_RATIO_MAX = 200  # decoded / encoded bytes, beyond 1 MiB decoded
JSON_DEPTH_MAX = 128
JSON_KEYS_MAX = 200_000
JSON_INTEGER_DIGITS_MAX = 19
MODEL_NAME_CHARACTERS_MAX = 256
HEADER_VALUE_BYTES_MAX = 8 * 1024

# Responses that the processor reads
RESPONSE_BODY_BYTES_MAX = 32 * 1024 * 1024
STREAM_BYTES_MAX = 256 * 1024 * 1024
SSE_EVENT_BYTES_MAX = 1024 * 1024

# Time
STEP_DEADLINE_SECONDS = 5.0  # from a message of Envoy to our answer; above Envoy's message_timeout, so Envoy cuts first
STREAM_IDLE_SECONDS = 300.0  # FULL_DUPLEX_STREAMED has no timeout of Envoy's
DRAIN_SECONDS = 30.0
GUARD_DEADLINE_SECONDS = 1.0  # policy may lower
HOLD_TTL_SECONDS = 900  # policy may change; above the longest route timeout

# Guard
GUARD_INLINE_CHARACTERS_MAX = 64 * 1024  # longer texts are scanned in a thread
FINDINGS_MAX = 1_000  # per request; one more is a refusal, not a silent stop

# Policy
POLICY_FILE_BYTES_MAX = 4 * 1024 * 1024
POLICY_POLL_SECONDS = 0.5

# Audit
SPOOL_SEGMENT_BYTES = 16 * 1024 * 1024
SPOOL_BYTES_MAX = 2 * 1024 * 1024 * 1024
SPOOL_FSYNC_SECONDS = 0.05
SHIP_BATCH_RECORDS_MAX = 512
SHIP_RETRY_SECONDS_MAX = 30.0

# Money
NANO = 1_000_000_000
TOKENS_PER_RATE = 1_000_000  # rates are nano-units per million tokens
USAGE_ESTIMATE_BYTES_PER_TOKEN = 3  # when a provider reports no usage
