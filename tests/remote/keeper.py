"""A server that keeps pictures by uuid, as vLLM does; or skips what it has not, as older versions of it do."""

from tests.remote.server import Refuse, Server

MISS = "Cache miss for image at index 0 but data is not provided."


class Keeper(Server):
    """A running server.

    Attributes:
        kept: uuids of the pictures that it has; clear it, and it has dropped them.
        arrived: data of the pictures that came, in order.
        skips: answer as if a part without data were not there, whatever its uuid.
        miss: what it answers to a uuid that it has not.
        on_miss: called before that.
        closed: refuse requests that name pictures at all.
        forgetful: keep nothing.
        gate: an event that replies to requests with data wait for; None for none.
        opens_at: how many pictures must have come before the gate opens by itself; None for never.
    """

    def __init__(self):
        super().__init__()
        self.owner, self.kept, self.arrived = "vllm", set(), []
        self.skips = self.closed = self.forgetful = False
        self.miss, self.on_miss, self.gate = Refuse(400, MISS), lambda: None, None
        self.opens_at = None

    def _reply(self, body):
        parts = pictures_of(body)
        new = [part for part in parts if part["image_url"] is not None]
        self.arrived += [part["image_url"]["url"] for part in new]
        if self.opens_at is not None and len(self.arrived) >= self.opens_at:
            self.gate.set()
        if self.closed and any("uuid" in part and part["image_url"] is not None for part in parts):
            return Refuse(400, "unknown field uuid")
        unknown = [part for part in parts if part["image_url"] is None and part["uuid"] not in self.kept]
        if unknown and not self.skips:
            self.on_miss()
            return self.miss
        if not self.forgetful:
            self.kept |= {part["uuid"] for part in new if "uuid" in part}
        return super()._reply(body)

    def _answer(self, handler, body, reply):
        if self.gate is not None and any(part["image_url"] is not None for part in pictures_of(body)):
            self.gate.wait(60)
        super()._answer(handler, body, reply)


def pictures_of(body):
    """The parts of a request that are pictures."""
    contents = [message["content"] for message in body["messages"] if isinstance(message["content"], list)]
    return [part for content in contents for part in content if part["type"] == "image_url"]
