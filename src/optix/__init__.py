"""OPTIX: an options trading platform. The map of the code is docs/architecture.md."""

__version__ = "0.1.0"
