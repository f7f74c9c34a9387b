"""Wordings of the families that are answered by looking."""

from agentmm.world.wordings.templates import Wordings, worded

WORDINGS: dict[str, Wordings] = {
    "arrangement": worded(
        """
        How are the shapes arranged: scattered, in a row, in a ring or in a heap?
        Do the shapes form a row, a ring or a heap, or are they scattered?
        What is the arrangement of the shapes: row, ring, heap or scattered?
        Row, ring, heap or scattered: how do the shapes lie?
        """,
        """
        Which layout do you see, a row, a ring, a heap or things scattered about?
        Would you call this a heap, a ring, a row or scattered?
        """,
    ),
    "at_the_border": worded(
        """
        Does any shape touch the border of the picture?
        Is a shape cut off by the border?
        Does anything touch the edge of the picture?
        Is there a shape at the very edge?
        """,
        """
        Does one of the shapes run out of the frame?
        Is some shape sticking out past the side of the image?
        """,
    ),
    "busy": worded(
        """
        Is the picture busy or empty?
        Would you call this picture busy or empty?
        Busy or empty: which is it?
        Is this a busy picture or an empty one?
        """,
        """
        Is there a lot going on here, so busy, or is it rather empty?
        Does it look crowded, that is busy, or empty?
        """,
    ),
    "same_halves": worded(
        """
        Do both halves of the picture show the same scene?
        Is the left half the same scene as the right half?
        Are the two halves of the picture the same?
        Is it the same scene on the left and on the right?
        """,
        """
        Does the right side repeat what the left side shows?
        Are we looking at one and the same scene twice?
        """,
    ),
    "upside_down": worded(
        """
        Is the page upside down?
        Is this picture upside down?
        Does the page stand on its head?
        Is the page the wrong way up?
        """,
        """
        Has this been scanned upside down?
        Would I have to flip the sheet to read it?
        """,
    ),
    "sort": worded(
        """
        What is this: a receipt, a sign, a label, a table, a chart or a drawing?
        What sort of picture is this, receipt, sign, label, table, chart or drawing?
        Is this a receipt, a sign, a label, a table, a chart or a drawing?
        """,
        """
        Which word fits best: receipt, sign, label, table, chart or drawing?
        """,
    ),
    "which_sort": worded(
        """
        Which picture is the {a}?
        Which of the three pictures shows a {a}?
        In which picture do you see a {a}?
        Which one is the {a}?
        """,
        """
        Point out the {a} among these pictures.
        Where is the {a}, in picture 1, 2 or 3?
        """,
    ),
    "comes_to": worded(
        """
        What does it come to?
        What does it all come to?
        Add it up: what do you get?
        What do you get in all?
        How much is it altogether?
        """,
        """
        What is the grand total of what you see?
        Everything together makes how much?
        """,
    ),
    "how_many_here": worded(
        """
        How many are there?
        How many do you see?
        Count them.
        How many are in it?
        """,
        """
        What is their number?
        Tell me the count of them.
        """,
    ),
    "what_it_says": worded(
        """
        What does it say?
        What is written here?
        Read it to me.
        What does this say?
        """,
        """
        Which message does it carry?
        What am I being told here?
        """,
    ),
}
