"""gateway-ext: a sovereign control plane for LLM traffic. Start reading at `pipeline.py`."""
