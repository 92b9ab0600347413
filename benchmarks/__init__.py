"""Measurements, one command each: ``python -m benchmarks.engine``, ``python -m benchmarks.service``. Not tests."""
