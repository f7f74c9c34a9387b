"""Modality generators."""
