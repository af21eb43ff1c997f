"""From a run directory to files for the phone, each compared with the run before it ships.

This package's root imports nothing: `export.verification.verify` runs in a process without TensorFlow.
"""
