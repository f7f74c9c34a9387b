"""A server with file ids: OpenAI's Responses and Files, Anthropic's Messages and Files, and Google's (`google`)."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.remote.google import ASKS, UPLOADS, Google, named_in_parts

GONE = "no such file"
BETA = "files-api-2025-04-14"
"""What Anthropic wants to be told before it looks at files."""


class Filing:
    """A running server.

    Attributes:
        files: id -> the bytes of the request that brought it.
        uploads: how many came.
        deleted: ids, in order.
        seen: bodies of the requests that ask the model.
        headers: what these came with, their names in small letters.
        calls: how many of the next replies call `calculate`.
        closed: refuse uploads.
        blind: refuse requests that name files.
        google: what only Google's side has.
    """

    def __init__(self):
        self.files, self.deleted, self.seen, self.headers = {}, [], [], []
        self.uploads = self.calls = 0
        self.closed = self.blind = False
        self.google = Google(self)
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                data = self.rfile.read(int(self.headers["content-length"]))
                with server._lock:
                    self._tell(*server._post(self.path.partition("?")[0], data, self.headers))

            def do_GET(self):
                with server._lock:
                    self._tell(*server.google.get(self.path))

            def do_DELETE(self):
                file_id = self.path.partition("?")[0].rpartition("/")[2]
                with server._lock:
                    server.deleted.append(file_id)
                    server.files.pop(file_id, None)
                self._tell(200, {"id": file_id, "deleted": True, "object": "file", "type": "file_deleted"})

            def _tell(self, status, told, headers=()):
                body = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                for header, value in dict(headers).items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(body)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.root = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._http.shutdown()
        self._http.server_close()

    def _post(self, path, data, headers):
        if path == "/v1/files":
            return self._upload(data)
        if UPLOADS.fullmatch(path):
            return self.google.upload(data, headers)
        body = json.loads(data)
        self.seen.append(body)
        self.headers.append({name.lower(): value for name, value in headers.items()})
        if ASKS.fullmatch(path):
            return self.google.answer(body)
        named = named_in(body)
        unasked = path == "/v1/messages" and BETA not in (headers.get("anthropic-beta") or "")
        if named and (self.blind or unasked or not set(named) <= set(self.files)):
            return 400, {"error": {"message": GONE, "type": "invalid_request_error"}, "type": "error"}
        calls = self.calls > 0
        self.calls -= calls
        return 200, _REPLIES[path](len(self.seen), calls)

    def _upload(self, data):
        if self.closed:
            return 403, {"error": {"message": "no files here", "type": "permission_error"}, "type": "error"}
        self.uploads += 1
        file_id = f"file-{self.uploads}"
        self.files[file_id] = data
        told = {
            "id": file_id,
            "bytes": len(data),
            "filename": "picture.png",
            "purpose": "vision",
            "status": "processed",
        }
        times = {"object": "file", "created_at": 1, "type": "file", "mime_type": "image/png", "size_bytes": len(data)}
        return 200, told | times


def named_in(body):
    """The files that a request names, in order."""
    found = named_in_parts(body)
    for entry in body.get("input") or body.get("messages") or []:
        for part in entry["content"] if isinstance(entry.get("content"), list) else []:
            source = part.get("source") or part
            found += [source["file_id"]] if "file_id" in source else []
    return found


def _response(number, calls):
    """A reply of OpenAI's Responses."""
    call = {
        "type": "function_call",
        "call_id": f"call_{number}",
        "name": "calculate",
        "arguments": '{"expression": "6 * 7"}',
    }
    text = {"type": "output_text", "text": "fine", "annotations": []}
    said = {"type": "message", "role": "assistant", "status": "completed", "content": [text]}
    output = {"id": f"out_{number}", "status": "completed"} | (call if calls else said)
    usage = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "gpt-4o",
        "output": [output],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage | details,
    }


def _message(number, calls):
    """A reply of Anthropic's Messages."""
    call = {"type": "tool_use", "id": f"toolu_{number}", "name": "calculate", "input": {"expression": "6 * 7"}}
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [call if calls else {"type": "text", "text": "fine"}],
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 3},
    }


def _completion(number, calls):
    """A reply of OpenAI's Chat Completions."""
    message = {"role": "assistant", "content": "fine"}
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    whole = {"id": f"chat_{number}", "object": "chat.completion", "created": 1, "model": "gpt-4o"}
    return whole | {"choices": choices, "usage": usage}


_REPLIES = {"/v1/responses": _response, "/v1/messages": _message, "/v1/chat/completions": _completion}
