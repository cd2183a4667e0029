"""Providers of models, and what is built around them."""

from __future__ import annotations

from gateway_ext.guard.secrets.family import UUID, Family

FAMILIES = (
    # "T3BlbkFJ" is base64 of "OpenAI".
    Family("openai_key", r"sk-[A-Za-z0-9_-]{20,200}T3BlbkFJ[A-Za-z0-9_-]{20,200}"),
    Family("openai_key", r"sk-(?:proj|svcacct|service|admin)-[A-Za-z0-9_-]{40,200}"),
    Family("openai_key", r"sk-[A-Za-z0-9]{48}"),
    # The length of the tokens of OAuth (oat, ort) is not documented by the provider.
    Family("anthropic_key", r"sk-ant-(?:api|admin|sid|oat|ort)[0-9]{2}-[A-Za-z0-9_-]{93}AA", is_fixed=True),
    Family("huggingface_token", r"hf_[A-Za-z0-9]{34}", is_fixed=True),
    Family("huggingface_token", r"api_org_[A-Za-z0-9]{34}", is_fixed=True),
    Family("mistral_key", r"[A-Za-z0-9]{32}", keyword="mistral"),
    Family("groq_key", r"gsk_[A-Za-z0-9]{52}", is_fixed=True),
    Family("replicate_token", r"r8_[A-Za-z0-9]{37}", is_fixed=True),
    Family("perplexity_key", r"pplx-[A-Za-z0-9]{48}", is_fixed=True),
    Family("xai_key", r"xai-[A-Za-z0-9_]{80}", is_fixed=True),
    Family("openrouter_key", r"sk-or-v1-[0-9a-f]{64}", is_fixed=True),
    Family("deepseek_key", r"sk-[0-9a-f]{32}"),
    Family("cohere_key", r"[A-Za-z0-9]{40}", keyword="cohere|co_api"),
    Family("databricks_token", r"dapi[0-9a-f]{32}(?:-[0-9])?"),
    Family("databricks_token", r"dose[0-9a-f]{32}"),
    Family("together_key", r"tgp_v1_[A-Za-z0-9_-]{43}"),
    Family("together_key", r"[0-9a-f]{64}", keyword="together"),
    Family("fireworks_key", r"fw_[A-Za-z0-9]{22,24}", entropy_min_bits=3.7),  # length not documented by the provider
    Family("nvidia_key", r"nvapi-[A-Za-z0-9_-]{64}", is_fixed=True),
    Family("cerebras_key", r"csk-[a-z0-9]{48}", is_fixed=True),
    Family("elevenlabs_key", r"sk_[0-9a-f]{48}", is_fixed=True),
    Family("deepgram_key", r"[0-9a-f]{40}", keyword="deepgram"),
    Family("assemblyai_key", r"[0-9a-f]{32}", keyword="assembly.?ai"),
    Family("deepl_key", rf"{UUID}:fx"),
    Family("deepl_key", UUID, keyword="deepl"),
    Family("langsmith_key", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}", is_fixed=True),
    Family("langfuse_key", rf"sk-lf-{UUID}", is_fixed=True),
    Family("wandb_key", r"wandb_v1_[A-Za-z0-9_]{77}"),
    Family("wandb_key", r"[0-9a-f]{40}", keyword="wandb|weights.{0,5}biases"),
    Family("pinecone_key", r"pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63}"),
    Family("jina_key", r"jina_[0-9a-f]{32}[A-Za-z0-9_-]{28}", is_fixed=True),
    Family("tavily_key", r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}", is_fixed=True),
)
