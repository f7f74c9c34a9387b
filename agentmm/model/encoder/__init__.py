"""Modality encoders: pixels (or another signal) to patch features."""
