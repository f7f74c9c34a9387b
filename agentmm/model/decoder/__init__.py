"""LLM backbones."""
