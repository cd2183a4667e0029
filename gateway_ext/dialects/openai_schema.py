"""Words of OpenAI's request schemas: chat completions, completions, embeddings, responses."""

from __future__ import annotations

from gateway_ext.dialects.vocabulary import JSON_SCHEMA_KEYS, Vocabulary

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})

_INTERPRETED = """
    model messages prompt input instructions stream stream_options n best_of max_tokens max_completion_tokens
    max_output_tokens
"""
INTERPRETED_FIELDS = frozenset(_INTERPRETED.split())
"""Top-level fields on which decisions rest."""

_TOP_LEVEL = """
    audio background best_of context_management conversation dimensions echo encoding_format frequency_penalty
    function_call functions include input instructions logit_bias logprobs max_completion_tokens max_output_tokens
    max_tokens max_tool_calls messages metadata modalities model n parallel_tool_calls prediction presence_penalty
    previous_response_id prompt prompt_cache_key prompt_cache_retention reasoning reasoning_effort response_format
    safety_identifier seed service_tier stop store stream stream_options suffix temperature text tool_choice tools
    top_logprobs top_p truncation user verbosity web_search_options
"""
_NESTED = """
    action actions allowed_tools annotations approximate arguments call_id city code compact_threshold connector_id
    container container_id content country data detail effort encrypted_content end_index environment error
    expires_at file file_data file_id file_ids file_url filename filters format function generate_summary
    grammar headers id image_url include_obfuscation include_usage index input_audio input_fidelity json_schema keys
    max_num_results mode name namespace operation outcome output partial_images path pending_safety_checks phase query
    queries ranking_options ranker reason refusal region require_approval results role score score_threshold
    search_context_size server_description server_label server_url size start_index status strict summary syntax
    timezone tool tool_call_id tool_calls top_logprob transcript type url user_location variables vector_store_ids
    version voice
"""
KNOWN_KEYS = JSON_SCHEMA_KEYS | frozenset(f"{_TOP_LEVEL} {_NESTED}".split())

_TYPES = """
    text image_url input_audio file refusal function custom json_object json_schema message input_text input_image
    input_file output_text function_call function_call_output custom_tool_call custom_tool_call_output item_reference
    reasoning summary_text reasoning_text web_search file_search code_interpreter mcp object array string number integer
    boolean null
"""
CLOSED_VALUES: dict[str | int, frozenset[str]] = {
    "role": ROLES,
    "type": frozenset(_TYPES.split()),
    "status": frozenset({"in_progress", "completed", "incomplete"}),
    "detail": frozenset({"low", "high", "auto", "original"}),
    "tool_choice": frozenset({"none", "auto", "required"}),
    "encoding_format": frozenset({"float", "base64"}),
}
"""Values that are words of the protocol as well, by their key. They carry nothing of the caller's and are not read."""

OPENAI = Vocabulary(KNOWN_KEYS, CLOSED_VALUES, ROLES, INTERPRETED_FIELDS)
