"""The practice world: generated media with questions, gold programs and answers; it imports no tool."""
