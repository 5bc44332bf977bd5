"""Streams of vendors, and chains made of them. What a provider with a stream is built from."""

from optix.adapters.market_data.streaming.feed import DemandFeed, Source
from optix.adapters.market_data.streaming.polling import PollTimes
from optix.adapters.market_data.streaming.protocol import (
    Ack,
    Channel,
    Complaint,
    Endpoint,
    Event,
    Frame,
    Heartbeat,
    MalformedFrame,
    StreamLost,
    StreamRefused,
    StreamTimings,
    StreamTraits,
    StreamVendor,
    Tick,
    Topic,
    Trouble,
    Wire,
)

__all__ = [
    "Ack",
    "Channel",
    "Complaint",
    "DemandFeed",
    "Endpoint",
    "Event",
    "Frame",
    "Heartbeat",
    "MalformedFrame",
    "PollTimes",
    "Source",
    "StreamLost",
    "StreamRefused",
    "StreamTimings",
    "StreamTraits",
    "StreamVendor",
    "Tick",
    "Topic",
    "Trouble",
    "Wire",
]
