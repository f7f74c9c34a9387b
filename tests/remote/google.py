"""Google's side of `Filing`: Gemini's generateContent and Files, with uploads in its resumable protocol.

As its documents say: an upload is begun, which tells where its bytes go; the file is PROCESSING before it is ACTIVE; a
message names it by its address; and one that is not there is refused with 403.
"""

import base64
import re

ASKS = re.compile(r"/v1(beta)?/models/[^/]+:generateContent")
UPLOADS = re.compile(r"/upload/v1(beta)?/files")
SIGNATURE = base64.b64encode(b"thought of it").decode()
"""What a call is signed with, which Gemini wants to see again in the next turn."""

_GONE = "You do not have permission to access the File or it may not exist."


class Google:
    """What only Google's side has.

    Attributes:
        begun: headers of the uploads that were begun, their names in small letters.
        processing: how often a file is PROCESSING after its upload, before it is `state`.
        state: what becomes of it.
        looks: how often anybody looked whether a file is ready.
        reply: what the model says in place of its own words or calls: a whole reply; None for those.
        refuses: what every request to the model is refused with: a status and words; None for none.
    """

    def __init__(self, filing):
        self.begun, self.looks = [], 0
        self.processing, self.state, self.reply, self.refuses = 1, "ACTIVE", None, None
        self._filing, self._left = filing, {}

    def upload(self, data, headers):
        """Begin an upload, or take its bytes."""
        if headers["x-goog-upload-command"] == "start":
            if self._filing.closed:
                return _refusal(403, "no files here")
            self.begun.append({name.lower(): value for name, value in headers.items()})
            told = {
                "x-goog-upload-url": f"{self._filing.root}/upload/v1beta/files?upload_id=1",
                "x-goog-upload-status": "active",
            }
            return 200, {}, told
        assert headers["x-goog-upload-command"] == "upload, finalize"
        self._filing.uploads += 1
        file_id = f"file-{self._filing.uploads}"
        self._filing.files[file_id] = data
        self._left[file_id] = self.processing
        return 200, {"file": self._file(file_id)}, {"x-goog-upload-status": "final"}

    def get(self, path):
        """What is known of a file; each time is one less that it is PROCESSING."""
        self.looks += 1
        file_id = path.partition("?")[0].rpartition("/files/")[2]
        if file_id not in self._filing.files:
            return _refusal(403, _GONE)
        self._left[file_id] -= 1
        return 200, self._file(file_id)

    def answer(self, body):
        """Answer a request to the model."""
        if self.refuses is not None:
            return _refusal(*self.refuses)
        named = named_in_parts(body)
        if not set(named) <= set(self._filing.files):
            return _refusal(403, _GONE)
        if (named and self._filing.blind) or any(self._left[file_id] > 0 for file_id in named):
            return _refusal(400, "The File is not in an ACTIVE state and usage is not allowed.")
        if self.reply is not None:
            return 200, self.reply
        calls = self._filing.calls > 0
        self._filing.calls -= calls
        call = {"functionCall": {"name": "calculate", "args": {"expression": "6 * 7"}}, "thoughtSignature": SIGNATURE}
        said = call if calls else {"text": "fine"}
        number = len(self._filing.seen)
        return 200, reply_of([said]) | {"responseId": f"reply-{number}"}

    def _file(self, file_id):
        state = "PROCESSING" if self._left[file_id] > 0 else self.state
        name = f"files/{file_id}"
        told = {"name": name, "mimeType": "image/png", "uri": f"{self._filing.root}/v1beta/{name}", "state": state}
        size = str(len(self._filing.files[file_id]))
        return told | {"sizeBytes": size, "expirationTime": "2026-01-03T00:00:00Z", "source": "UPLOADED"}


def reply_of(parts, ends="STOP"):
    """What Gemini's model says: parts, and how it ended."""
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": ends, "index": 0}
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash"}


def parts_of(body):
    """All parts of a request to Gemini, in order."""
    return [part for content in body.get("contents", []) for part in content.get("parts", [])]


def named_in_parts(body):
    """The files that a request to Gemini names, in order; Google reads both ways to write a field."""
    named = [part["fileData"] for part in parts_of(body) if "fileData" in part]
    return [(file.get("fileUri") or file["file_uri"]).rpartition("/files/")[2] for file in named]


def _refusal(status, words):
    names = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED"}
    return status, {"error": {"code": status, "message": words, "status": names[status]}}
