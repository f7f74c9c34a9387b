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
        """,
        """
        What is at the foot of it?
        How does it end?
        """,
    ),
    "far_left": worded(
        """
        What lies furthest to the left?
        Which shape lies furthest left?
        What shape is at the far left?
        What do I meet first, coming from the left?
        What is the first shape from the left?
        """,
        """
        What is outermost on the left?
        From left to right, what comes first?
        """,
    ),
    "other_than": worded(
        """
        How many shapes are of another colour than {a}?
        How many shapes are not {a}?
        If I take the {a} ones away, how many shapes are left?
        All but the {a} shapes: how many?
        How many shapes remain without the {a} ones?
        """,
        """
        Leave out what is {a}: how many shapes is that?
        How many shapes are anything but {a}?
        """,
    ),
}
