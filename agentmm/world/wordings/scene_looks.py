"""Wordings of the families about looks, places and tallies in one scene."""

from agentmm.world.wordings.templates import Wordings, worded


def _relation(phrase: str, other: str) -> Wordings:
    """Wordings for a direction: `phrase` in training (`left of`), `other` in tests (`on the left side of`)."""
    return worded(
        f"""
        Is the {{a}} {phrase} the {{b}}?
        Is the {{a}} {phrase} the {{b}} in the picture?
        Does the {{a}} lie {phrase} the {{b}}?
        Can you see the {{a}} {phrase} the {{b}}?
        Is there a {{a}} {phrase} the {{b}}?
        Is the {{a}} placed {phrase} the {{b}}?
        Tell me if the {{a}} is {phrase} the {{b}}.
        In the image, is the {{a}} {phrase} the {{b}}?
        """,
        f"""
        Would you say the {{a}} is {other} the {{b}}?
        Do we find the {{a}} {other} the {{b}}?
        Looking from the {{b}}, is the {{a}} {phrase} it?
        Is the position of the {{a}} {other} that of the {{b}}?
        """,
    )


def _end(word: str, phrase: str, other: str) -> Wordings:
    """Wordings for the outermost of two: `leftmost`, `further left`, `nearest to the left edge`."""
    return worded(
        f"""
        What colour is the {word} {{a_one}}?
        What is the colour of the {word} {{a_one}}?
        Which colour has the {word} {{a_one}}?
        Of the two {{a}}, what colour is the {word} one?
        Of the {{a}}, what colour is the one {phrase}?
        Name the colour of the {word} {{a_one}}.
        Tell me the colour of the {word} {{a_one}}.
        The {word} {{a_one}}: what colour is it?
        """,
        f"""
        Of both {{a}}, which colour has the one {other}?
        In what colour is the {{a_one}} that lies {phrase} painted?
        Look for the {{a_one}} {other}. What colour does it have?
        What's the {word} {{a_one}}'s colour?
        """,
    )


def _most(noun: str, nouns: str) -> Wordings:
    return worded(
        f"""
        Which {noun} is the most common?
        What is the most common {noun}?
        Which {noun} occurs most often?
        What {noun} is there most of?
        Which {noun} appears most frequently?
        What is the most frequent {noun} in the picture?
        Which of the {nouns} is the most common one?
        Name the most common {noun}.
        """,
        f"""
        Which {noun} do you see more than any other?
        What {noun} dominates by number?
        Tell me the {noun} with the highest count.
        If you rank the {nouns} by how often they occur, which comes first?
        """,
    )


def _least(noun: str, nouns: str) -> Wordings:
    return worded(
        f"""
        Which {noun} is the least common?
        What is the least common {noun}?
        Which {noun} occurs least often?
        What {noun} is there least of?
        Which {noun} appears least frequently?
        What is the rarest {noun} in the picture?
        Which of the {nouns} is the rarest one?
        Name the least common {noun}.
        """,
        f"""
        Which {noun} do you see less than any other?
        What {noun} is in the smallest minority?
        Tell me the {noun} with the lowest count.
        If you rank the {nouns} by how often they occur, which comes last?
        """,
    )


def _different(nouns: str) -> Wordings:
    return worded(
        f"""
        How many different {nouns} are there?
        How many different {nouns} can you see?
        Count the different {nouns}.
        What is the number of different {nouns}?
        How many different {nouns} does the image show?
        How many kinds of {nouns} are there?
        How many distinct {nouns} are in the picture?
        Tell me how many different {nouns} there are.
        """,
        f"""
        How large is the variety of {nouns}?
        Ignoring repeats, how many {nouns} occur?
        How many {nouns} are used that differ from one another?
        Counting each only once, how many {nouns} appear?
        """,
    )


WORDINGS: dict[str, Wordings] = {
    "colour_of": worded(
        """
        What colour is the {a}?
        What is the colour of the {a}?
        Which colour does the {a} have?
        What colour does the {a} have?
        Which colour is the {a}?
        Tell me the colour of the {a}.
        Name the colour of the {a}.
        The {a}: what colour is it?
        What color is the {a}?
        """,
        """
        In which colour is the {a} painted?
        What's the {a}'s colour?
        How is the {a} coloured?
        Could you say what colour the {a} is?
        """,
    ),
    "shape_of": worded(
        """
        What shape is the {a}?
        What is the shape of the {a}?
        Which shape does the {a} have?
        What shape does the {a} have?
        Which shape is the {a}?
        Tell me the shape of the {a}.
        Name the shape of the {a}.
        The {a}: what is its shape?
        What kind of shape is the {a}?
        """,
        """
        Which form has the {a}?
        What figure is the {a}?
        Could you say which shape the {a} is?
        Describe the form of the {a} in one word.
        """,
    ),
    "size_of": worded(
        """
        What size is the {a}?
        What is the size of the {a}?
        Which size does the {a} have?
        Is the {a} small, medium or large?
        How large is the {a}?
        How big is the {a}?
        Tell me the size of the {a}.
        The {a}: is it small, medium or large?
        """,
        """
        Would you call the {a} small, medium or large?
        What's the {a}'s size?
        In size, what is the {a}: small, medium or large?
        Could you say what size the {a} is?
        """,
    ),
    "left_of": _relation("left of", "on the left side of"),
    "right_of": _relation("right of", "on the right side of"),
    "above": _relation("above", "higher up than"),
    "below": _relation("below", "lower down than"),
    "leftmost_colour": _end("leftmost", "further left", "nearest to the left edge"),
    "rightmost_colour": _end("rightmost", "further right", "nearest to the right edge"),
    "topmost_colour": _end("topmost", "further up", "nearest to the top edge"),
    "lowest_colour": _end("lowest", "further down", "nearest to the bottom edge"),
    "most_shape": _most("shape", "shapes"),
    "most_colour": _most("colour", "colours"),
    "least_shape": _least("shape", "shapes"),
    "least_colour": _least("colour", "colours"),
    "different_shapes": _different("shapes"),
    "different_colours": _different("colours"),
}
"""Family -> its wordings."""
