"""Wordings of the families about sounds."""

from agentmm.world.wordings.templates import Wordings, worded

WORDINGS: dict[str, Wordings] = {
    "meeting_day": worded(
        """
        On which day is the meeting?
        What day is the meeting?
        Which day is the meeting on?
        When is the meeting, on which day?
        On what day will the meeting be?
        Tell me the day of the meeting.
        What is the day of the meeting in the note?
        According to the note, on which day is the meeting?
        """,
        """
        For which day has the meeting been set?
        On which day of the week do they meet?
        I missed the message: what day do we meet?
        Which weekday does the speaker name for the meeting?
        """,
    ),
    "meeting_hour": worded(
        """
        At what time is the meeting?
        At what hour is the meeting?
        What time is the meeting?
        What time does the meeting start?
        Tell me the hour of the meeting.
        At which hour is the meeting?
        What is the time of the meeting in the note?
        According to the note, at what time is the meeting?
        """,
        """
        For which hour has the meeting been set?
        When exactly do they meet, at which hour?
        I missed the message: at what o'clock do we meet?
        Which hour does the speaker name for the meeting?
        """,
    ),
    "train_hour": worded(
        """
        When does the train leave?
        At what time does the train leave?
        At what hour does the train leave?
        What time is the train?
        Tell me when the train leaves.
        At which hour does the train leave?
        What is the time of the train in the note?
        According to the note, when does the train leave?
        """,
        """
        When do I have to be on the train?
        What is the departure time of the train?
        I missed the message: when is the departure?
        Which hour does the speaker name for the train?
        """,
    ),
    "whom_to_call": worded(
        """
        Who should be called?
        Whom should I call?
        Who is to be called?
        Who do I have to call?
        Tell me whom to call.
        Whom does the note ask me to call?
        Who should I phone?
        According to the note, who is to be called?
        """,
        """
        Which person waits for a call?
        Whose number should I dial?
        I missed the message: with whom should I speak?
        Whom does the speaker want me to ring?
        """,
    ),
    "price_said": worded(
        """
        What is the price in the note?
        What price does the note name?
        How many dollars does the note name?
        What is the price that is said?
        Tell me the price in the recording.
        Which price does the speaker say?
        How many dollars is the price?
        According to the note, what is the price?
        """,
        """
        How much money does the speaker talk about?
        What amount is mentioned in the recording?
        I missed the message: how many dollars was it?
        How high is the price that you hear?
        """,
    ),
    "note_mentions": worded(
        """
        Does the note mention the {a}?
        Does the recording mention the {a}?
        Is the {a} mentioned in the note?
        Does the speaker mention the {a}?
        Does the note say anything about the {a}?
        Is the {a} mentioned in the recording?
        Do you hear the word {a}?
        Is the word {a} said?
        """,
        """
        Has the speaker said something about the {a}?
        Does the {a} come up in the message?
        Listening to it, do you hear of the {a}?
        Tell me whether the message speaks of the {a}.
        """,
    ),
    "spoken_question": worded(
        """
        Answer the question in the recording.
        Answer the spoken question.
        Listen to the question and answer it.
        Please answer what is asked in the recording.
        What is the answer to the spoken question?
        Somebody asks about the picture. Answer it.
        Hear the question and answer it from the picture.
        Answer the question that you hear.
        """,
        """
        Reply to what the voice wants to know about the picture.
        The voice asks something. What is the right reply?
        My question is in the audio file.
        What should I reply to the person in the recording?
        """,
    ),
}
"""Family -> its wordings."""
