"""Wordings of the families that are answered by looking."""

from agentmm.world.wordings.templates import Wordings, worded

WORDINGS: dict[str, Wordings] = {
    "arrangement": worded(
        """
        How are the shapes arranged: scattered, in a row, in a ring or in a heap?
        Do the shapes form a row, a ring or a heap, or are they scattered?
        What is the arrangement of the shapes: row, ring, heap or scattered?
        Row, ring, heap or scattered: how do the shapes lie?
        Tell me how the shapes lie: row, ring, heap or scattered.
        Which arrangement is this, a row, a ring, a heap or scattered?
        Are the shapes in a row, in a ring, in a heap, or scattered?
        In what way are the shapes put together: row, ring, heap or scattered?
        """,
        """
        Which layout do you see, a row, a ring, a heap or things scattered about?
        Would you call this a heap, a ring, a row or scattered?
        Pick the word that fits the grouping: row, ring, heap, scattered.
        How would you describe the pattern, as row, ring, heap or scattered?
        """,
    ),
    "at_the_border": worded(
        """
        Does any shape touch the border of the picture?
        Is a shape cut off by the border?
        Does anything touch the edge of the picture?
        Is there a shape at the very edge?
        Does the picture cut off one of the shapes?
        Is any of the shapes at the edge of the image?
        Does a shape reach the border?
        Tell me if a shape touches the edge.
        """,
        """
        Does one of the shapes run out of the frame?
        Is some shape sticking out past the side of the image?
        Do all shapes keep clear of the frame, or is one of them clipped? Say yes if one is clipped.
        Has the photographer chopped off part of a shape?
        """,
    ),
    "busy": worded(
        """
        Is the picture busy or empty?
        Would you call this picture busy or empty?
        Busy or empty: which is it?
        Is this a busy picture or an empty one?
        Is there much in the picture, or little: busy or empty?
        Tell me if the picture is busy or empty.
        Which word fits, busy or empty?
        Does the picture look busy or empty?
        """,
        """
        Is there a lot going on here, so busy, or is it rather empty?
        Does it look crowded, that is busy, or empty?
        How full is it, busy or empty?
        Say busy if it is packed with shapes, and empty if it is not.
        """,
    ),
    "same_halves": worded(
        """
        Do both halves of the picture show the same scene?
        Is the left half the same scene as the right half?
        Are the two halves of the picture the same?
        Is it the same scene on the left and on the right?
        Does the left half show what the right half shows?
        Are both sides of the picture the same scene?
        Tell me if the two halves show the same.
        Is the right half a copy of the left half?
        """,
        """
        Does the right side repeat what the left side shows?
        Are we looking at one and the same scene twice?
        Has one scene been printed here side by side with itself?
        Do the two sides match?
        """,
    ),
    "upside_down": worded(
        """
        Is the page upside down?
        Is this picture upside down?
        Does the page stand on its head?
        Is the page the wrong way up?
        Is the paper turned upside down?
        Is the text on its head?
        Has the page been turned upside down?
        Tell me if the page is upside down.
        """,
        """
        Has this been scanned upside down?
        Would I have to flip the sheet to read it?
        Was the camera held the wrong way up?
        Do the letters hang with their feet in the air?
        """,
    ),
    "sort": worded(
        """
        What is this: a receipt, a sign, a label, a table, a chart or a drawing?
        What sort of picture is this, receipt, sign, label, table, chart or drawing?
        Is this a receipt, a sign, a label, a table, a chart or a drawing?
        Which of these is it: receipt, sign, label, table, chart, drawing?
        Tell me what this is: a receipt, a sign, a label, a table, a chart or a drawing.
        Receipt, sign, label, table, chart or drawing: what do you see?
        What kind of picture do I have here: receipt, sign, label, table, chart or drawing?
        Name the sort of picture: receipt, sign, label, table, chart or drawing.
        """,
        """
        Which word fits best: receipt, sign, label, table, chart or drawing?
        Classify it as receipt, sign, label, table, chart or drawing.
        To which group does it belong: receipts, signs, labels, tables, charts or drawings? Answer in one word.
        Have I photographed a receipt, a sign, a label, a table, a chart or a drawing?
        """,
    ),
    "which_sort": worded(
        """
        Which picture is the {a}?
        Which of the three pictures shows a {a}?
        In which picture do you see a {a}?
        Which one is the {a}?
        Tell me which picture is the {a}.
        Which image shows the {a}?
        Where do you see the {a}?
        The {a}: in which picture is it?
        """,
        """
        Point out the {a} among these pictures.
        Where is the {a}, in picture 1, 2 or 3?
        Among these three, which is the {a}?
        I am after the {a}: what is its number?
        """,
    ),
    "comes_to": worded(
        """
        What does it come to?
        What does it all come to?
        Add it up: what do you get?
        What do you get in all?
        How much is it altogether?
        What is all of it together?
        Work out what it comes to.
        What is the sum of it all?
        """,
        """
        What is the grand total of what you see?
        Everything together makes how much?
        Tot it up for me.
        What do I arrive at if I take everything together?
        """,
    ),
    "how_many_here": worded(
        """
        How many are there?
        How many do you see?
        Count them.
        How many are in it?
        How many are here?
        What is the number of them?
        Tell me how many there are.
        How many can you count?
        """,
        """
        What is their number?
        Tell me the count of them.
        Any idea how many we have got here?
        The number of them, please?
        """,
    ),
    "what_it_says": worded(
        """
        What does it say?
        What is written here?
        Read it to me.
        What does this say?
        What can you read here?
        Tell me what it says.
        Read what is there.
        What do you read in it?
        """,
        """
        Which message does it carry?
        What am I being told here?
        Spell out what is to be read.
        Pass on to me what it is saying.
        """,
    ),
}
