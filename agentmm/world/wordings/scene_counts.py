"""Wordings of the families that count in one scene."""

from agentmm.world.wordings.templates import Wordings, worded

_COUNT = worded(
    """
    How many {a} are there?
    How many {a} are in the picture?
    How many {a} can you see?
    Count the {a}.
    What is the number of {a}?
    How many {a} does the image show?
    Tell me how many {a} there are.
    Give the number of {a} in this image.
    I want to know how many {a} are here.
    {A}: how many?
    """,
    """
    Could you count all {a} for me?
    What's the count of {a}?
    In this picture, how many {a} do you find?
    Please say how many {a} appear.
    How many of the shapes are {a}?
    """,
)

WORDINGS: dict[str, Wordings] = {
    "count_shape": _COUNT,
    "count_colour": _COUNT,
    "count_colour_shape": _COUNT,
    "count_size": _COUNT,
    "total": worded(
        """
        How many shapes are there in total?
        How many shapes are there?
        How many shapes are in the picture altogether?
        Count all the shapes.
        What is the total number of shapes?
        How many things are there in all?
        How many objects does the image show?
        Tell me the number of all shapes together.
        Count everything in the picture.
        """,
        """
        What's the overall count of shapes?
        Adding up everything, how many shapes do you see?
        How many figures are drawn here in total?
        Give me the count of every object here.
        """,
    ),
    "exist": worded(
        """
        Is there a {a}?
        Is there a {a} in the picture?
        Is there any {a}?
        Are there any {a_many}?
        Can you see a {a}?
        Does the picture show a {a}?
        Does the image contain a {a}?
        Do you see any {a_many} here?
        Are there {a_many} in the image?
        """,
        """
        Would I find a {a} in this image?
        Has this picture got a {a}?
        Tell me whether a {a} is present.
        Is a {a} anywhere to be seen?
        """,
    ),
    "more_than": worded(
        """
        Are there more than {b} {a}?
        Are there more than {b} {a} in the picture?
        Is the number of {a} greater than {b}?
        Do you see more than {b} {a}?
        Does the image show more than {b} {a}?
        Are more than {b} {a} here?
        Is the count of {a} above {b}?
        Can you see more than {b} {a}?
        """,
        """
        Do the {a} number more than {b}?
        Would you say there are over {b} {a}?
        Is it true that the picture has more than {b} {a}?
        Does the count of {a} exceed {b}?
        """,
    ),
    "exactly": worded(
        """
        Are there exactly {b} {a}?
        Are there exactly {b} {a} in the picture?
        Is the number of {a} equal to {b}?
        Do you see exactly {b} {a}?
        Does the image show exactly {b} {a}?
        Is the number of {a} exactly {b}?
        Can you see exactly {b} {a}?
        Is the count of {a} equal to {b}?
        """,
        """
        Do the {a} number exactly {b}?
        Would you say there are precisely {b} {a}?
        Is it true that the picture has just {b} {a}?
        Is {b} the right count of {a}?
        """,
    ),
    "compare_counts": worded(
        """
        Are there more {a} than {b}?
        Are there more {a} than {b} in the picture?
        Do you see more {a} than {b}?
        Does the image show more {a} than {b}?
        Is the number of {a} greater than the number of {b}?
        Are the {a} more than the {b}?
        Can you see more {a} than {b}?
        Is the count of {a} higher than the count of {b}?
        """,
        """
        Do the {a} outnumber the {b}?
        Would you count more {a} than {b}?
        Is it true that {a} are more frequent than {b}?
        Are {b} fewer than {a}?
        """,
    ),
    "same_count": worded(
        """
        Are there as many {a} as {b}?
        Is the number of {a} equal to the number of {b}?
        Are there equally many {a} and {b}?
        Is the number of {a} the same as the number of {b}?
        Do you see as many {a} as {b}?
        Does the image show as many {a} as {b}?
        Is the count of {a} equal to the count of {b}?
        Are the {a} as many as the {b}?
        """,
        """
        Do {a} and {b} occur equally often?
        Would you count the same number of {a} and {b}?
        Is it true that {a} and {b} are equal in number?
        Have {a} and {b} the same count?
        """,
    ),
    "which_more": worded(
        """
        Which are there more of, {a} or {b}?
        Are there more {a} or more {b}?
        What is there more of, {a} or {b}?
        Which is more frequent, {a} or {b}?
        Which are more, the {a} or the {b}?
        Of {a} and {b}, which are there more of?
        Do you see more {a} or more {b}?
        {A} or {b}: which are more?
        """,
        """
        Which kind is more numerous, {a} or {b}?
        Between {a} and {b}, which appear more often?
        Who wins by number: {a} or {b}?
        Comparing {a} with {b}, which are in the majority?
        """,
    ),
    "difference": worded(
        """
        How many more {a} than {b} are there?
        How many more {a} are there than {b}?
        What is the difference between the number of {a} and the number of {b}?
        By how many do the {a} exceed the {b}?
        How many {a} more than {b} can you see?
        Subtract the number of {b} from the number of {a}.
        What is the number of {a} minus the number of {b}?
        How many more {a} than {b} does the image show?
        """,
        """
        By what number are the {a} ahead of the {b}?
        If each of the {b} takes one of the {a} away, how many {a} are left?
        How much larger is the count of {a} than that of {b}?
        Tell me how many {a} there are beyond the number of {b}.
        """,
    ),
    "sum": worded(
        """
        How many {a} and {b} are there together?
        How many {a} and {b} are there in total?
        What is the number of {a} plus the number of {b}?
        Count the {a} and the {b} together.
        How many {a} and {b} can you see in all?
        Add the number of {a} and the number of {b}.
        What is the sum of the {a} and the {b}?
        How many shapes are {a} or {b}?
        """,
        """
        Taken together, how many {a} and {b} do you find?
        What do the counts of {a} and {b} add up to?
        If you put all {a} and {b} in one box, how many are in it?
        Give me one number for {a} and {b} combined.
        """,
    ),
    "all_are": worded(
        """
        Are all the {a} {b}?
        Are all {a} {b}?
        Is every {a_one} {b}?
        Are all of the {a} {b}?
        Is each {a_one} {b}?
        Are the {a} all {b}?
        Does every {a_one} have the colour {b}?
        Is it true that all {a} are {b}?
        """,
        """
        Without exception, are the {a} {b}?
        Do all {a} share the colour {b}?
        Is {b} the colour of every {a_one}?
        Can one say that each of the {a} is {b}?
        """,
    ),
}
"""Family -> its wordings."""
