"""Traces: what a run did, written as it happens; schema, recorder, store, hash and export. Runs no model."""

from agentmm.trace.export import conversations, export_jsonl, to_conversation, to_dataset
from agentmm.trace.fold import fold
from agentmm.trace.hash import canonical_json, chain_of, trace_hash
from agentmm.trace.messages import to_messages
from agentmm.trace.recorder import Recorder
from agentmm.trace.schema import CallRecord, PlannerRef, PlanRecord, ResultRecord, StepRecord, ToolRef, Trace
from agentmm.trace.show import show
from agentmm.trace.store import TraceStore

__all__ = [
    "CallRecord",
    "PlanRecord",
    "PlannerRef",
    "Recorder",
    "ResultRecord",
    "StepRecord",
    "ToolRef",
    "Trace",
    "TraceStore",
    "canonical_json",
    "chain_of",
    "conversations",
    "export_jsonl",
    "fold",
    "show",
    "to_conversation",
    "to_dataset",
    "to_messages",
    "trace_hash",
]
