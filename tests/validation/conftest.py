"""The simulated participants of the inference tests."""

from tests.inference.conftest import study

__all__ = ["study"]
