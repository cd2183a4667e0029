"""Words of the answers' schemas: chat completions, completions, responses (OpenAI) and messages (Anthropic).

What is listed here need not be read by the Guard. Leaving a word out costs a little time; it never lets anything pass
unread. A value is only taken for a word, an identifier or a blob when it looks like one, and never below a key whose
value the model shapes (`FREE_KEYS`) or that is not known.
"""

from __future__ import annotations

import re

from gateway_ext.dialects.openai_schema import KNOWN_KEYS

_COMPLETIONS = """
    accepted_prediction_tokens annotations audio audio_tokens b64_json bytes cached_tokens choices completion
    completion_tokens completion_tokens_details created custom delta embedding expires_at finish_reason image_tokens
    logprob message native_finish_reason obfuscation object prompt_tokens prompt_tokens_details provider reasoning_content
    reasoning_details reasoning_tokens rejected_prediction_tokens request_id service_tier stop_reason system_fingerprint
    text_offset token token_ids token_logprobs tokens total_tokens tool_call transcript url_citation usage
    prompt_token_ids matched_stop thinking content_filter_results prompt_filter_results filtered severity hate self_harm
    sexual violence jailbreak detected citation protected_material_code protected_material_text prompt_index
    cost queue_time prompt_time completion_time total_time x_groq
"""
_RESPONSES = """
    acknowledged_safety_checks annotation annotation_index approval_request_id attributes cache_write_tokens caller
    cancelled_at command command_index commands completed_at content_index conversation created_at created_by
    diff display_height display_width end_user env execution exit_code failed_at format incomplete_details
    input_tokens input_tokens_details item item_id key last_id first_id has_more logs max_output_length media_type
    moderation namespace note output_index output_text output_tokens output_tokens_details outputs parameters param part
    partial_image_b64 partial_image_index previous_response_id prompt_cache_options response response_id results
    revised_prompt scroll_x scroll_y sequence_number server_tools source sources stderr stdout summary_index timeout_ms
    x y
"""
_MESSAGES = """
    cache_creation cache_creation_input_tokens cache_read_input_tokens citations cited_text content_block context_management
    document_index document_title encrypted_index encrypted_stdout end_block_index end_char_index end_page_number
    ephemeral_1h_input_tokens ephemeral_5m_input_tokens error_code error_message file_type inference_geo is_error
    lines new_lines new_start num_lines old_lines old_start page_age partial_json retrieved_at return_code
    search_result_index server_tool_use signature skills speed start_block_index start_char_index start_line
    start_page_number stop_details stop_reason stop_sequence thinking_tokens tool_id tool_name tool_references
    tool_use_id total_lines web_fetch_requests web_search_requests explanation category
"""
ANSWER_KEYS = KNOWN_KEYS | frozenset(f"{_COMPLETIONS} {_RESPONSES} {_MESSAGES}".split())
"""Keys that are words of the protocol: they may be printed in a finding's place and are not read themselves."""

FREE_KEYS = frozenset(
    [
        "arguments",
        "attributes",
        "definition",
        "env",
        "headers",
        "input",
        "metadata",
        "parameters",
        "properties",
        "schema",
        "variables",
    ]
)
"""Keys below which the model or the caller chooses names and values: everything there is read."""

_WORD_KEYS = """
    type object status role finish_reason native_finish_reason stop_reason service_tier phase event format tool_choice truncation
    effort verbosity
"""
_ID_KEYS = """
    id model item_id response_id previous_response_id call_id tool_call_id tool_use_id approval_request_id request_id
    system_fingerprint container_id file_id first_id last_id obfuscation
"""
_BLOB_KEYS = "data b64_json partial_image_b64 result embedding encrypted_content encrypted_index signature"

_WORD = re.compile(r"[a-z][a-z_.]{0,63}(?:_[0-9]{8})?")
_ID = re.compile(r"[A-Za-z0-9_.:/=+-]{1,256}")
BLOB = re.compile(r"[A-Za-z0-9+/_=-]{128,}")  # in base64; what is shorter is cheaper read than judged

FORMS: dict[str | int, re.Pattern[str]] = {
    **dict.fromkeys(_WORD_KEYS.split(), _WORD),
    **dict.fromkeys(_ID_KEYS.split(), _ID),
    **dict.fromkeys(_BLOB_KEYS.split(), BLOB),
}
"""By key, the form of values that carry nothing to read: words of the protocol, identifiers, encoded bytes."""
