"""Every bound in one place, units last in the name. Policy may lower the ones marked so, never raise them."""

# Requests
PROVIDER_CONNECTIONS_MAX = 1_024  # to a deployment; policy may change this and the next
PROVIDER_REQUESTS_MAX = 4_096  # under way at a deployment
REQUEST_BODY_BYTES_MAX = 32 * 1024 * 1024  # Envoy's route limit is the same number; Envoy answers 413 first
DECODED_BODY_BYTES_MAX = REQUEST_BODY_BYTES_MAX
DECODED_RATIO_MAX = 200  # decoded / encoded bytes, beyond 1 MiB decoded
JSON_DEPTH_MAX = 128
JSON_KEYS_MAX = 200_000
JSON_VALUES_MAX = 500_000  # above the 300,000 tokens an embeddings request may list
JSON_INTEGER_DIGITS_MAX = 19
MODEL_NAME_CHARACTERS_MAX = 256
PROMPT_TEXTS_MAX = 50_000  # strings and caller-chosen keys that the Guard is given for one request
EMBEDDED_ESCAPES_MAX = 1_000_000  # in JSON inside strings, per request
EMBEDDED_LEVELS_MAX = 6  # JSON inside strings inside JSON
CHOICES_MAX = 4_096  # n, times the prompts of a batch
OUTPUT_TOKENS_ASKED_MAX = 16 * 1024 * 1024  # per choice; keeps every product in nano-units below 2**63
HEADER_VALUE_BYTES_MAX = 8 * 1024

# Responses that the processor reads
RESPONSE_BODY_BYTES_MAX = 32 * 1024 * 1024
STREAM_BYTES_MAX = 256 * 1024 * 1024
SSE_EVENT_BYTES_MAX = 1024 * 1024
STREAM_HELD_BYTES_MAX = 8 * 1024 * 1024  # of events that wait for the Guard
STREAM_HELD_EVENTS_MAX = 16_384
STREAM_UNREAD_BYTES_MAX = 8 * 1024  # that gRPC takes in of one stream; a message that is being read may be longer
STREAM_AHEAD_EVENTS_MAX = 16  # read of one stream shortly before its turn
STREAM_AHEAD_BYTES_MAX = 64 * 1024  # of bodies; the last one may go beyond
STREAM_TEXTS_MAX = 65_536  # growing ones: choices, items and blocks, times what each consists of
STREAM_TEXT_NAME_CHARACTERS_MAX = 512
STREAM_SILENT_CHARACTERS = 64  # a text that has not grown while the others of its choice grew by so much has ended

# Time
STEP_DEADLINE_SECONDS = 5.0  # from a message of Envoy to our answer; above Envoy's message_timeout, so Envoy cuts first
STREAM_IDLE_SECONDS = 300.0  # FULL_DUPLEX_STREAMED has no timeout of Envoy's
DRAIN_SECONDS = 30.0
GUARD_DEADLINE_SECONDS = 1.0  # policy may lower
GUARD_DETECTOR_DEADLINE_SECONDS = 0.5  # of one detector within one request; policy may lower
HOLD_TTL_SECONDS = 900  # policy may change; above the longest route timeout

# Guard
GUARD_INLINE_CHARACTERS_MAX = 64 * 1024  # longer texts are scanned in a thread
GUARD_INLINE_SECONDS = 0.02  # what is not inspected by then goes on in a thread
GUARD_THREADS = 2
GUARD_CANDIDATES_MAX = 250_000  # per text; one more is a refusal
GUARD_CACHE_MATCHES_MAX = 50_000  # per process, about 200 bytes each
FINDINGS_MAX = 1_000  # per request; one more is a refusal, not a silent stop

# Attachments, of one request together. What exceeds them is a finding `attachment_unreadable`
ATTACHMENT_UNPACKED_BYTES_MAX = 32 * 1024 * 1024
ATTACHMENT_CHARACTERS_MAX = 32 * 1024 * 1024  # of text; what cannot be inspected in time meets GUARD_DEADLINE_SECONDS
ATTACHMENT_MEMBERS_MAX = 5_000  # files within archives, parts of mails
ATTACHMENT_LEVELS_MAX = 3  # archives within mails within archives
ATTACHMENT_THREADS = 2
ATTACHMENT_DEADLINE_SECONDS = 3.0  # about 500 pages; with GUARD_DEADLINE_SECONDS below STEP_DEADLINE_SECONDS

# Tokens, counted where a bound does not fit
TOKEN_COUNTED_BYTES_MAX = 4 * 1024 * 1024  # of a body; a longer one keeps its bound
TOKEN_DEADLINE_SECONDS = 1.0
TOKEN_THREADS = 1

# Conversations: what each has held
CONVERSATION_STEPS_MAX = 64  # the last ones of a request, by which it is known again
CONVERSATION_ID_CHARACTERS_MAX = 512
CONVERSATION_KEYS_REMEMBERED_MAX = 50_000  # rows that a processor need not write again today; about 200 bytes each
CONVERSATION_PRUNE_SECONDS = 600.0

# Shadow traffic: copies of requests
SHADOW_BODY_BYTES_MAX = 1024 * 1024  # of a request that is copied; a longer one is not
SHADOW_LEAVE_SECONDS = 10  # from the decision until the copy has come back

# Policy
POLICY_FILE_BYTES_MAX = 4 * 1024 * 1024
POLICY_READY_SECONDS = 10.0  # that a processor waits for Envoy to know a new policy's deployments
POLICY_POLL_SECONDS = 0.5
CONDITION_CHARACTERS_MAX = 2_000  # of one condition; compiled in milliseconds

# Standing: what operators have revoked, disabled and stopped
STANDING_POLL_SECONDS = 0.1
STANDING_AGE_SECONDS_MAX = 1.0  # of the last look at the store that a request may be judged by
STANDING_DIRECTIVES_MAX = 20_000  # about 300 bytes each, in every processor
STANDING_VALUE_CHARACTERS_MAX = 256  # as of a claim
STANDING_REASON_CHARACTERS_MAX = 200

# Console: people who have logged in
SESSION_SECONDS_MAX = 8 * 3_600  # then they log in again, however busy
SESSION_IDLE_SECONDS = 30 * 60
SESSIONS_PER_PERSON_MAX = 10  # the oldest ends for one more
LOGIN_SECONDS_MAX = 600  # from being sent to the identity provider to coming back
LOGINS_UNDER_WAY_MAX = 10_000  # about 400 bytes each; the oldest is forgotten for one more
PROVIDER_SECONDS_MAX = 10.0  # for one answer of an identity provider
PROVIDER_ANSWER_BYTES_MAX = 256 * 1024
PROVIDER_METADATA_SECONDS = 600  # for how long an identity provider's metadata and keys are taken for current

# Consent: who has accepted which agreement; its store is followed as that of standing is
CONSENT_PARTIES_REMEMBERED_MAX = 10_000  # in every processor; asking the store again costs microseconds

# Subjects: people whom the audit trail names by pseudonyms; their store is followed as that of standing is
SUBJECTS_REMEMBERED_MAX = 10_000  # in every processor, about 500 bytes each; asking the store again takes a millisecond
SUBJECT_STORE_SECONDS_MAX = 0.5  # that a processor waits for another one that writes to it

# Audit
SPOOL_SEGMENT_BYTES = 16 * 1024 * 1024
SPOOL_BYTES_MAX = 2 * 1024 * 1024 * 1024
SPOOL_FSYNC_SECONDS = 0.05
SPOOL_RESERVE_BYTES = 64 * 1024 * 1024  # of the spool's disk: for outcomes, the ledger and operators' orders
SHIP_BATCH_RECORDS_MAX = 1_024
SHIP_BATCH_BYTES_MAX = 1024 * 1024  # of encoded records; gRPC receivers refuse messages above 4 MiB
SHIP_RETRY_SECONDS_MAX = 30.0
OCSF_FILE_BYTES_MAX = 64 * 1024 * 1024
SYSLOG_RESENT_BYTES = 256 * 1024  # of the newest messages, over each new connection
SHIP_RETRY_AFTER_SECONDS_MAX = 300.0  # however long a collector asks to be left alone
CHECKPOINT_SECONDS = 10.0  # from a record to a signed checkpoint over it
CHECKPOINT_RECORDS = 10_000
CHECKPOINT_COMMAND_SECONDS = 60.0  # between two checkpoints of a log that the operator's program is given
CHECKPOINT_PROGRAM_SECONDS_MAX = 30.0  # for its answer

# Telemetry, made by the control process of the audit trail
METRIC_VALUES_MAX = 200  # of an attribute that policy or claims name; further ones are `other`
METRIC_SERIES_MAX = 5_000  # of one instrument; a histogram's has 15 numbers
TELEMETRY_EXCHANGES_MAX = 20_000  # under way, whose outcome is awaited; about 1.5 KB each
TELEMETRY_BATCH_RECORDS = 1_000  # of one process, read at once
TELEMETRY_SPANS_WAITING_MAX = 10_000  # for the collector; one more drops the oldest

# Money
AGENT_RUN_CHARACTERS_MAX = 128  # of an id that callers give a run: UUIDs, ULIDs and trace ids have 26 to 45
NANO = 1_000_000_000
TOKENS_PER_RATE = 1_000_000  # rates are nano-units per million tokens
QUOTA_WAITING_MAX = 1_000  # requests of one processor that wait for quotas; one more is a 429
QUOTA_WAITING_BYTES_MAX = 256 * 1024 * 1024  # of their bodies
QUOTA_POLL_SECONDS = 0.05  # for what others hold: nobody knows when they end
IMAGE_TOKENS_MAX = 48_169  # OpenAI, "Images and vision": gpt-4o-mini, 2,833 and 5,667 for each of 8 tiles; others less
DOCUMENT_TOKENS_MAX = 200_000  # of a file whose length in text nobody knows beforehand: a common context window
USAGE_ESTIMATE_BYTES_PER_TOKEN = 3  # of a whole body, when a provider reports no usage
