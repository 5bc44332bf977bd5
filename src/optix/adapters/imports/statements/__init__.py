"""Readers of statements: the files that brokers let their customers download."""

from optix.adapters.imports.statements.registry import Readers, build_readers

__all__ = ["Readers", "build_readers"]
