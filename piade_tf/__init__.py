"""PIADE: image anomaly detection with deep pyramidal representations and dynamic routing."""

__version__ = "0.1.0"
