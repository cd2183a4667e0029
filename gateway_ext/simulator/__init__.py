"""A simulated model provider in OpenAI's dialect: deterministic answers, and faults on demand."""
