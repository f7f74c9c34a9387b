"""Wordings of the families about codes."""

from agentmm.world.wordings.templates import Wordings, worded


def _content(name: str, other: str) -> Wordings:
    return worded(
        f"""
        What does the {name} say?
        What is in the {name}?
        Read the {name}.
        What is the content of the {name}?
        What does the {name} contain?
        Which text is in the {name}?
        Tell me what the {name} says.
        What do you get from the {name}?
        """,
        f"""
        Could you scan the {name} for me?
        What is encoded in the {other}?
        Decode the {name}, please.
        If I scan the {name}, what will I see?
        """,
    )


def _has(name: str, other: str) -> Wordings:
    return worded(
        f"""
        Is there a {name}?
        Is there a {name} in the picture?
        Does the picture show a {name}?
        Does the image contain a {name}?
        Can you see a {name}?
        Is a {name} in the image?
        Do you see a {name} here?
        Is there any {name}?
        """,
        f"""
        Would I find a {name} in this image?
        Has this picture got a {name}?
        Tell me whether a {name} is present.
        Could one scan {other} here?
        """,
    )


WORDINGS: dict[str, Wordings] = {
    "qr_content": _content("QR code", "square code"),
    "bar_content": _content("bar code", "striped code"),
    "has_qr": _has("QR code", "a square code"),
    "has_bar": _has("bar code", "a striped code"),
    "qr_says": worded(
        """
        Does the QR code say {a}?
        Does the QR code contain {a}?
        Is {a} in the QR code?
        Is the content of the QR code {a}?
        Does it say {a} in the QR code?
        Is {a} what the QR code says?
        Is the text of the QR code {a}?
        Does the QR code stand for {a}?
        """,
        """
        If I scan the QR code, will I read {a}?
        Has {a} been encoded in the QR code?
        Can one say that the QR code holds {a}?
        Would decoding the QR code give {a}?
        """,
    ),
    "code_text": worded(
        """
        What does the code say?
        What is in the code?
        Read the code.
        What is the content of the code?
        What does the code contain?
        Which text is in the code?
        Tell me what the code says.
        Scan the code.
        """,
        """
        Could you scan this code for me?
        What is encoded here?
        Decode this, please.
        If I scan this, what will I see?
        """,
    ),
    "which_code": worded(
        """
        Which picture has the code {a}?
        Which picture's code says {a}?
        In which picture does the code say {a}?
        Which code says {a}?
        Which image has the code {a}?
        Which of the codes says {a}?
        Where is the code {a}, in picture 1 or picture 2?
        Tell me which picture has the code {a}.
        """,
        """
        On which of the images would scanning give {a}?
        I look for the code with {a}: which picture is it?
        Which of both codes stands for {a}?
        {A} is encoded in one of them. Which one?
        """,
    ),
}
"""Family -> its wordings."""
