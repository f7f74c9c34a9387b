"""Other makers' models that see or hear as planners: their templates, their tokens, exact sessions."""
