"""A Ray without processes: actors live here, what they do is done when it is asked for."""

import itertools
from types import SimpleNamespace


class RayError(Exception):
    pass


class RayTaskError(RayError):
    pass


class ActorDiedError(RayError):
    pass


class Dies(Exception):
    """Raised by a host's method: the actor that it ran in is dead."""


class Actor:
    def __init__(self, made):
        self._made, self.dead = made, False

    def __getattr__(self, name):
        def call(*given):
            if self.dead:
                return Ref(error=ActorDiedError("The actor died."))
            try:
                return Ref(getattr(self._made, name)(*[arg.value if isinstance(arg, Ref) else arg for arg in given]))
            except Dies as error:
                self.dead = True
                return Ref(error=ActorDiedError(f"{error}\n\tpid: 7"))
            except RayTaskError as error:
                return Ref(error=error)

        return SimpleNamespace(remote=call, options=lambda **_: SimpleNamespace(remote=call))


class Ref:
    def __init__(self, value=None, error=None):
        self.value, self.error = value, error


class FakeRay:
    """The part of Ray's module that fleets use.

    Args:
        make: (number of the actor, from 1) -> what lives in it.
        gpus: of the cluster.
    """

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self, make, gpus=0):
        self._make, self._count, self.gpus = make, itertools.count(1), gpus
        self.puts, self.killed, self.options, self.most, self.shut = [], 0, [], 0, 0

    def is_initialized(self):
        return True

    def cluster_resources(self):
        return {"CPU": 4.0, "GPU": float(self.gpus)}

    def remote(self, **options):
        self.options.append(options)
        return lambda _: SimpleNamespace(remote=lambda _: Actor(self._make(next(self._count))))

    def put(self, value):
        self.puts.append(value)
        return Ref(value)

    def wait(self, refs, *, num_returns, timeout):
        self.most = max(self.most, len(refs))
        return refs[:num_returns], refs[num_returns:]

    def get(self, ref):
        if ref.error is not None:
            raise ref.error
        return ref.value

    def shutdown(self):
        self.shut += 1

    def kill(self, actor):
        actor.dead = True
        self.killed += 1
