"""A small server that answers as vLLM does, in a thread of this process, and misbehaves where a test asks for it.

Its tokens are bytes: text is its UTF-8, a picture four times `IMAGE`, a turn stands between `START` and `END`.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

IMAGE, END, START = 256, 257, 258
LOGP = -0.25
"""Log-probability of every token."""
ECHO = "{authorization}"
"""Stands in a script for what the request was signed with."""


@dataclass
class Say:
    """A reply.

    Attributes:
        text: its words.
        calls: `(name, arguments)` pairs; arguments that are text are sent as they are.
        tool_calls: what stands in place of the calls, of whatever form; in a stream with its own indices.
        content: in place of the text, such as None.
        refusal: the words in which the model refuses, or None.
        usage: in place of what the server counted.
        finish: why it ended.
        ids: whether token ids are given where they are asked for.
        logp: log-probability of each token; None for none.
        cut: bytes after which the connection ends, or None.
        garbage: a stream holds this line after its first part.
        wait_s: silence before it, seconds; cut short where the server ends.
        mute_s: likewise in a stream between its headers and its first part.
        stall_s: likewise in a stream after its first part. Without it a stream comes at once, so that on a busy
            machine, too, its parts are close together.
    """

    text: str = ""
    calls: Sequence[tuple] = ()
    tool_calls: object = None
    content: object = ...
    refusal: object = None
    usage: object = None
    finish: str = "stop"
    ids: bool = True
    logp: float | None = LOGP
    cut: int | None = None
    garbage: str | None = None
    wait_s: float = 0.0
    mute_s: float = 0.0
    stall_s: float = 0.0


@dataclass
class Refuse:
    """An answer that is none: a status and what it says."""

    status: int
    says: str = "no"
    headers: dict = field(default_factory=dict)


@dataclass
class Raw:
    """A body with status 200, as it is.

    Attributes:
        body: bytes, or what becomes JSON.
        kind: its media type.
        stall_s: silence in its middle, seconds; cut short where the server ends.
    """

    body: object
    kind: str = "application/json"
    stall_s: float = 0.0


def wrote(text, calls=()):
    """What the model writes, as text: its words, then its calls."""
    return text + "".join(f"<call>{name}{arguments}</call>" for name, arguments in calls)


def render(messages, forgets_thoughts=False):
    """The prompt's ids, up to where the model goes on."""
    ids = []
    for message in messages:
        ids += [START, *f"{message['role']}:".encode()]
        content = message.get("content") or ""
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            ids += [*part["text"].encode()] if part["type"] == "text" else [IMAGE] * 4
        calls = [(c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls") or ()]
        ids += [*wrote("", calls).encode(), END]
    if forgets_thoughts:
        ids = [*bytes(i for i in ids if i < 256).replace(b"<think>hm</think>", b"")]
    return [*ids, START, *b"assistant:"]


class Server:
    """A running server; `with Server() as server:`.

    Attributes:
        script: what is answered, one entry a request; the last one stays.
        seen: bodies of the requests, in order.
        keys: what they were signed with.
        owner: who made its models, as it tells; None where it does not list them.
        listed: how often it was asked for them.
        chunked: streams are chunked, so that a client sees where one is cut; else they end with their connection.
        strict: refuse parameters that OpenAI's protocol does not have, as `transformers serve` does.
        forgets_thoughts: its template drops thoughts of earlier turns.
    """

    def __init__(self):
        self.script, self.seen, self.keys = [Say("fine")], [], []
        self.strict = self.forgets_thoughts = self.chunked = False
        self.owner, self.listed = "tests", 0
        self.under_way = self.most_at_once = 0
        self._lock, self._over = threading.Lock(), threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                server.listed += self.path == "/v1/models"
                data = {"object": "list", "data": [{"id": "tiny", "object": "model", "owned_by": server.owner}]}
                server._send(self, 200 if server.owner else 404, json.dumps(data if server.owner else {}).encode())

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with server._lock:
                    server.seen.append(body)
                    server.keys.append(self.headers.get("authorization"))
                    reply = server._reply(body)
                    server.under_way += 1
                    server.most_at_once = max(server.most_at_once, server.under_way)
                try:
                    server._answer(self, body, reply)
                except OSError:  # nobody waits for it any more
                    self.close_connection = True
                finally:
                    with server._lock:
                        server.under_way -= 1

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        self.name = f"openai:tiny@{self.url}"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._over.set()
        self._http.shutdown()
        self._http.server_close()

    def _reply(self, body):
        """What is answered; one request at a time."""
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def _answer(self, handler, body, reply):
        extra = sorted(set(body) & {"return_token_ids"})
        if self.strict and extra:
            reply = Refuse(422, f"Unexpected fields in the request: {extra}")
        signed = handler.headers.get("authorization") or ""
        if isinstance(reply, Refuse):
            headers = {name: value.replace(ECHO, signed) for name, value in reply.headers.items()}
            data = json.dumps({"error": {"message": reply.says.replace(ECHO, signed)}}).encode()
            return self._send(handler, reply.status, data, headers)
        if isinstance(reply, Raw):
            data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            return self._send(handler, 200, data, kind=reply.kind, stall_s=reply.stall_s)
        self._over.wait(reply.wait_s)
        says = reply.text.replace(ECHO, signed)
        given = [(name, args if isinstance(args, str) else json.dumps(args)) for name, args in reply.calls]
        calls = [(name, args.replace(ECHO, signed)) for name, args in given]
        done = [*wrote(says, calls).encode("utf-8", "surrogatepass"), END]
        message = {"role": "assistant", "content": says if reply.content is ... else reply.content}
        if calls:
            message["tool_calls"] = [
                {"id": f"call_{len(self.seen)}_{k}", "type": "function", "function": {"name": name, "arguments": given}}
                for k, (name, given) in enumerate(calls)
            ]
        if reply.tool_calls is not None:
            message["tool_calls"] = reply.tool_calls
        if reply.refusal is not None:
            told = reply.refusal
            message["refusal"] = told.replace(ECHO, signed) if isinstance(told, str) else told
        prompt = render(body["messages"], self.forgets_thoughts)
        choice = {"index": 0, "finish_reason": "tool_calls" if "tool_calls" in message else reply.finish}
        whole = {"id": "reply", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]}
        if reply.ids and body.get("return_token_ids"):
            whole["prompt_token_ids"], choice["token_ids"] = prompt, done
        if reply.logp is not None and body.get("logprobs"):
            told = [{"token": str(token), "logprob": reply.logp, "top_logprobs": []} for token in done]
            choice["logprobs"] = {"content": told}
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(done), "total_tokens": len(prompt) + len(done)}
        usage = usage if reply.usage is None else reply.usage
        if body.get("stream"):
            return self._stream(handler, whole, choice, message, usage, reply)
        choice["message"], whole["usage"] = message, usage
        return self._send(handler, 200, json.dumps(whole).encode(), cut=reply.cut)

    def _send(self, handler, status, data, headers=(), cut=None, kind="application/json", stall_s=0.0):
        handler.send_response(status)
        handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(data)))
        for name, value in dict(headers).items():
            handler.send_header(name, value)
        handler.end_headers()
        if stall_s:
            handler.wfile.write(data[: len(data) // 2])
            self._over.wait(stall_s)
            data = data[len(data) // 2 :]
        handler.wfile.write(data[:cut])
        handler.close_connection = cut is not None

    def _stream(self, handler, whole, choice, message, usage, reply):
        """Parts of one token's text each, as vLLM sends them; the prompt's ids come with the first."""
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("connection", "close")
        if self.chunked:
            handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        handler.close_connection = True
        self._over.wait(reply.mute_s)
        half = len(message["content"] or "") // 2
        pieces = [(message["content"] or "")[:half], (message["content"] or "")[half:]]
        cuts = [(choice.get("token_ids") or [])[:half], (choice.get("token_ids") or [])[half:]]
        logs = (choice.get("logprobs") or {}).get("content") or []
        events = []
        for number, (text, ids, told) in enumerate(zip(pieces, cuts, (logs[:half], logs[half:]), strict=True)):
            delta = {"role": "assistant", "content": text}
            if number and reply.tool_calls is not None:
                delta["tool_calls"] = reply.tool_calls
            elif number and "tool_calls" in message:
                delta["tool_calls"] = [{"index": k, **call} for k, call in enumerate(message["tool_calls"])]
            delta |= {"refusal": message["refusal"]} if number and "refusal" in message else {}
            part = {"index": 0, "delta": delta, "finish_reason": None}
            part |= {"token_ids": ids} if ids else {}
            part |= {"logprobs": {"content": told}} if told else {}
            chunk = {**whole, "object": "chat.completion.chunk", "choices": [part]}
            if number:
                chunk.pop("prompt_token_ids", None)
            events.append(json.dumps(chunk))
            if reply.garbage is not None:
                events.append(reply.garbage.replace(ECHO, handler.headers.get("authorization") or ""))
            if reply.cut is not None:
                return self._events(handler, events)
            if not number and reply.stall_s:
                self._events(handler, events)
                events = []
                self._over.wait(reply.stall_s)
        last = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
        bare = {name: value for name, value in whole.items() if name != "prompt_token_ids"}
        events.append(json.dumps({**bare, "object": "chat.completion.chunk", "choices": [last]}))
        events.append(json.dumps({**bare, "object": "chat.completion.chunk", "choices": [], "usage": usage}))
        self._events(handler, [*events, "[DONE]"])
        if self.chunked:
            handler.wfile.write(b"0\r\n\r\n")
            handler.wfile.flush()
        return None

    def _events(self, handler, events):
        lines = "".join(f"data: {data}\n\n" for data in events).encode()
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(lines), lines) if self.chunked else lines)
        handler.wfile.flush()
