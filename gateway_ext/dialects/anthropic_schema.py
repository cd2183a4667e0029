"""Words of the request schema of Anthropic's Messages API, betas included."""

from __future__ import annotations

from gateway_ext.dialects.vocabulary import JSON_SCHEMA_KEYS, Vocabulary

_INTERPRETED = "model messages system stream max_tokens fallbacks"
_TOP_LEVEL = """
    cache_control container context_management diagnostics fallbacks inference_geo max_tokens mcp_servers messages
    metadata model output_config output_format service_tier speed stop_sequences stream system temperature thinking
    tool_choice tools top_k top_p
"""
_NESTED = """
    allowed_callers allowed_domains allowed_tools authorization_token blocked_domains budget_tokens caller citations
    cited_text city clear_at_least clear_tool_inputs configs content content_sha256 context country data default_config
    defer_loading disable_parallel_tool_use display display_height_px display_number display_width_px document_index
    document_title eager_input_streaming edits effort enable_zoom enabled encrypted_content encrypted_index
    encrypted_stdout end_block_index end_char_index end_page_number error_code error_message exclude_tools file_id
    file_type format id input input_examples input_schema instructions is_error is_file_update keep lines max_characters
    max_content_tokens max_uses media_type mode name new_lines new_start num_lines old_lines old_start page_age
    pause_after_compaction region retrieved_at return_code role schema search_result_index server_name signature
    skill_id skills source start_block_index start_char_index start_line start_page_number stderr stdout strict text
    timezone tool_configuration tool_id tool_name tool_references tool_use_id total_lines trigger ttl type url use_cache
    user_id user_location value version
"""
_TYPES = """
    text image document search_result thinking redacted_thinking tool_use tool_result server_tool_use
    web_search_tool_result web_search_result web_fetch_tool_result web_fetch_result code_execution_tool_result
    code_execution_result code_execution_output bash_code_execution_tool_result text_editor_code_execution_tool_result
    mcp_tool_use mcp_tool_result tool_search_tool_result tool_reference container_upload base64 url file content
    ephemeral enabled disabled adaptive auto any tool none custom char_location page_location content_block_location
    web_search_result_location search_result_location json_schema object array string number integer boolean null
"""
_RESULTS = """
    tool_result web_search_tool_result web_fetch_tool_result code_execution_tool_result bash_code_execution_tool_result
    text_editor_code_execution_tool_result mcp_tool_result tool_search_tool_result
"""

ANTHROPIC = Vocabulary(
    keys=JSON_SCHEMA_KEYS | frozenset(f"{_TOP_LEVEL} {_NESTED}".split()),
    values={
        "role": frozenset({"system", "user", "assistant"}),
        "type": frozenset(_TYPES.split()),
        "media_type": frozenset(
            {"image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf", "text/plain"}
        ),
        "ttl": frozenset({"5m", "1h"}),
        "effort": frozenset({"low", "medium", "high", "xhigh", "max"}),
    },
    roles=frozenset({"system", "user", "assistant"}),
    interpreted=frozenset(_INTERPRETED.split()),
    role_of_field={"system": "system"},
    role_of_type=dict.fromkeys(_RESULTS.split(), "tool"),  # they come in messages of the user
)
