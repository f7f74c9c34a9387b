"""Input projectors: encoder features to tokens of the decoder's width."""
