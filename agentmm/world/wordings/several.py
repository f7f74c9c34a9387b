"""Wordings of the families over several pictures, of picture facts and of plain calculation."""

from agentmm.world.wordings.templates import Wordings, worded

WORDINGS: dict[str, Wordings] = {
    "more_in_picture": worded(
        """
        Which picture has more {a}?
        Which picture shows more {a}?
        Which of the two pictures has more {a}?
        In which picture are there more {a}?
        Which image has more {a}?
        Which image contains more {a}?
        Are there more {a} in picture 1 or in picture 2?
        Tell me which picture has more {a}.
        """,
        """
        Where do you count more {a}, in the first or the second picture?
        Comparing both images, where are the {a} more numerous?
        Which one of the pair has the larger number of {a}?
        By number of {a}, which picture wins?
        """,
    ),
    "most_in_picture": worded(
        """
        Which picture has the most {a}?
        Which picture shows the most {a}?
        Which of the pictures has the most {a}?
        In which picture are there the most {a}?
        Which image has the most {a}?
        Which image contains the most {a}?
        Tell me which picture has the most {a}.
        Where are the most {a}, in picture 1, 2 or 3?
        """,
        """
        Of all these images, where do you count the most {a}?
        Which picture has a larger number of {a} than the others?
        Find the picture in which {a} are most numerous.
        Ranking the pictures by {a}, which comes first?
        """,
    ),
    "in_all_pictures": worded(
        """
        How many {a} are there in all pictures together?
        How many {a} are in both pictures together?
        How many {a} do the pictures show in total?
        Count the {a} in all pictures.
        What is the number of {a} in both pictures together?
        In all pictures together, how many {a} are there?
        How many {a} can you see in the two pictures?
        Add up the {a} of all pictures.
        """,
        """
        Taking both images together, how many {a} do you find?
        What's the combined count of {a} over the pictures?
        If the pictures were one, how many {a} would it have?
        Across all images, how many {a} appear?
        """,
    ),
    "pictures_with": worded(
        """
        How many of the pictures show {a}?
        How many pictures have {a}?
        How many pictures show {a}?
        How many of the images contain {a}?
        In how many pictures are there {a}?
        In how many pictures can you see {a}?
        Count the pictures with {a}.
        What is the number of pictures that show {a}?
        """,
        """
        Of these images, how many have at least one of the {a}?
        Going through the pictures, how often do you meet one with {a}?
        How many images are there in which {a} occur?
        Tell me the number of images where {a} are present.
        """,
    ),
    "which_has": worded(
        """
        Which picture has a {a}?
        Which picture shows a {a}?
        In which picture is there a {a}?
        Which of the pictures has a {a}?
        Which image contains a {a}?
        Which image shows a {a}?
        Where is the {a}, in picture 1 or picture 2?
        Tell me which picture has a {a}.
        """,
        """
        On which of the images can a {a} be found?
        A {a} is in one of the pictures. Which one?
        I am looking for a {a}: which picture should I open?
        Only one image has a {a}. Which?
        """,
    ),
    "same_in_both": worded(
        """
        Do both pictures have the same number of {a}?
        Do both pictures show the same number of {a}?
        Are there as many {a} in picture 1 as in picture 2?
        Is the number of {a} the same in both pictures?
        Are there equally many {a} in both pictures?
        Do the pictures have equally many {a}?
        Do both images contain the same number of {a}?
        Is the count of {a} equal in both pictures?
        """,
        """
        Counting {a}, do the two images agree?
        Would you count as many {a} on one image as on the other?
        Have the pictures an equal number of {a}?
        Is it true that no picture has more {a} than the other?
        """,
    ),
    "which_says": worded(
        """
        Which picture says {a}?
        Which picture has the text {a}?
        In which picture can you read {a}?
        On which picture is {a} written?
        Which image says {a}?
        Which of the signs says {a}?
        Which sign says {a}?
        Where does it say {a}, in picture 1 or picture 2?
        """,
        """
        On which of the images do the words {a} appear?
        I look for the sign with {a}: which picture is it?
        Which of both boards carries the words {a}?
        {A} is written on one of them. Which one?
        """,
    ),
    "sign_says": worded(
        """
        What does the sign in picture {b} say?
        What is written in picture {b}?
        What does picture {b} say?
        Read the text of picture {b}.
        What text is in picture {b}?
        What is written on the sign in picture {b}?
        What can you read in picture {b}?
        Tell me what picture {b} says.
        """,
        """
        Could you read out image {b} for me?
        What words can be seen in image number {b}?
        The sign on image {b}: what is its text?
        Leave the others aside, what is printed in picture number {b}?
        """,
    ),
    "which_painted": worded(
        """
        Which picture is mostly {a}?
        Which picture is mainly {a}?
        Which sign is {a}?
        Which of the pictures is mostly {a}?
        Which image is mostly {a}?
        Which picture has a {a} background?
        Which of the signs is {a}?
        In which picture is the sign {a}?
        """,
        """
        Which one has been painted {a}?
        Of both boards, which has the colour {a}?
        Where is the main colour {a}?
        One of the images is chiefly {a}. Which?
        """,
    ),
    "higher_bill": worded(
        """
        Which receipt has the higher total?
        Which picture has the higher total?
        Which of the receipts has the larger total?
        On which receipt is the total higher?
        Which bill is higher?
        Which receipt is over more money?
        Is the total higher in picture 1 or in picture 2?
        Tell me which receipt has the higher total.
        """,
        """
        For which purchase was more paid in all?
        Comparing the two bills, which one cost more?
        Which of these shopping trips was the more expensive one?
        Where is the amount at the bottom larger?
        """,
    ),
    "wider_picture": worded(
        """
        Which picture is wider?
        Which of the pictures is wider?
        Which image is wider?
        Which picture has the larger width?
        Is picture 1 or picture 2 wider?
        Which of the two images has the larger width?
        Tell me which picture is wider.
        Which image has more pixels in width?
        """,
        """
        Which of both measures more from left to right?
        Comparing widths, which image wins?
        Where are there more pixels in a row?
        Which one of the pictures is the broader one?
        """,
    ),
    "width": worded(
        """
        How wide is the picture?
        What is the width of the picture?
        How many pixels wide is the image?
        What is the width of this image in pixels?
        How wide is this image?
        Tell me the width of the picture.
        What width does the image have?
        Give the width in pixels.
        """,
        """
        From left to right, how many pixels does it measure?
        What is its horizontal size?
        How broad is the picture in pixels?
        How many columns of pixels has this image?
        """,
    ),
    "height": worded(
        """
        How high is the picture?
        What is the height of the picture?
        How many pixels high is the image?
        What is the height of this image in pixels?
        How tall is this image?
        Tell me the height of the picture.
        What height does the image have?
        Give the height in pixels.
        """,
        """
        From top to bottom, how many pixels does it measure?
        What is its vertical size?
        How tall is the picture in pixels?
        How many rows of pixels has this image?
        """,
    ),
    "upright": worded(
        """
        Is the picture higher than wide?
        Is the picture taller than it is wide?
        Is the image in portrait format?
        Is the height larger than the width?
        Is this an upright picture?
        Is the image taller than wide?
        Does the picture have portrait format?
        Is its height greater than its width?
        """,
        """
        Would you call the format of this image portrait?
        Does the image extend more in height than in width?
        Has it got more rows than columns of pixels?
        Is it an image that stands rather than lies?
        """,
    ),
    "calculation": worded(
        """
        What is {a}?
        How much is {a}?
        Calculate {a}.
        Compute {a}.
        What does {a} give?
        What is the value of {a}?
        Work out {a}.
        What is the result of {a}?
        """,
        """
        Could you do the sum {a} for me?
        Which number does {a} come to?
        Find the result: {a}
        {a} equals what?
        """,
    ),
    "comparison": worded(
        """
        Is {a} more than {b}?
        Is {a} greater than {b}?
        Is {a} larger than {b}?
        Is the value of {a} more than {b}?
        Is the result of {a} greater than {b}?
        Does {a} give more than {b}?
        Is {a} above {b}?
        Tell me if {a} is more than {b}.
        """,
        """
        Does {a} exceed {b}?
        Would {a} be a larger number than {b}?
        Do you get over {b} when you compute {a}?
        Is {b} smaller than {a}?
        """,
    ),
    "larger": worded(
        """
        Which is larger, {a} or {b}?
        Which is more, {a} or {b}?
        What is larger, {a} or {b}?
        Which has the larger value, {a} or {b}?
        Which gives more, {a} or {b}?
        Is {a} or {b} larger?
        Of {a} and {b}, which is larger?
        Which is greater, {a} or {b}?
        """,
        """
        Between {a} and {b}, which comes out higher?
        Who wins, {a} or {b}?
        Compare {a} with {b}: which is the bigger one?
        Which of {a} and {b} has the higher result?
        """,
    ),
}
"""Family -> its wordings."""
