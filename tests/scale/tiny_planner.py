"""A tiny random planner that samples; workers load it by this file's name."""

from tests.planner.kit import tiny

planner = tiny(temperature=1.0, think=False)
