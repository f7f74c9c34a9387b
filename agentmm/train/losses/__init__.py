"""Preference losses, one a file, named after their papers; tensors in, tensors out, torch alone."""
