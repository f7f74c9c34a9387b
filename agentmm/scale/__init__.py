"""Many episodes on several machines or GPUs: workers on a Ray cluster, each with a planner (extra `scale`).

Ray itself pickles what it moves between processes, and whoever can reach a cluster can run code on it: the cluster must
be trusted. What a model, a picture or a tool has made goes through it as JSON text and as the bytes of media files.
"""

from agentmm.scale.fleet import Fleet, Lost, Task
from agentmm.scale.parcel import Parcel
from agentmm.scale.ray_agent import RayAgent

__all__ = ["Fleet", "Lost", "Parcel", "RayAgent", "Task"]
