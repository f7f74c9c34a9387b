"""Measures planners: suites of questions, the scorer of DESIGN section 8, baselines without shame, and the report."""
