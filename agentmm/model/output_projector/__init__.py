"""Output projectors: signal states of the backbone to a generator's condition."""
