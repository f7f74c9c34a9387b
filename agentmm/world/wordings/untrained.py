"""Wordings of the families that no training sees."""

from agentmm.world.wordings.templates import Wordings, worded

WORDINGS: dict[str, Wordings] = {
    "bottom_line": worded(
        """
        What stands at the very bottom?
        What is printed at the bottom?
        Read me what stands at the very end.
        What does it end with?
        Which words close it?
        What is the text at the very bottom?
        Tell me what stands lowest.
        What does one read at the bottom?
        """,
        """
        What is at the foot of it?
        How does it end?
        With which words does it finish?
        What is the closing line?
        """,
    ),
    "far_left": worded(
        """
        What lies furthest to the left?
        Which shape lies furthest left?
        What shape is at the far left?
        What do I meet first, coming from the left?
        What is the first shape from the left?
        Tell me which shape is furthest to the left.
        Which shape stands leftmost of all?
        Going from left to right, which shape comes first?
        """,
        """
        What is outermost on the left?
        From left to right, what comes first?
        Name whatever lies closest to the left edge.
        Which form is nearest to the left border?
        """,
    ),
    "other_than": worded(
        """
        How many shapes are of another colour than {a}?
        How many shapes are not {a}?
        If I take the {a} ones away, how many shapes are left?
        All but the {a} shapes: how many?
        How many shapes remain without the {a} ones?
        Count every shape that is not {a}.
        How many shapes have a colour that is not {a}?
        Without those in {a}, how many shapes do you see?
        """,
        """
        Leave out what is {a}: how many shapes is that?
        How many shapes are anything but {a}?
        Suppose the {a} ones were gone: how many would stay?
        How many are there, the {a} ones aside?
        """,
    ),
}
