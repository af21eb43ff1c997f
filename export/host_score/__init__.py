"""The score of files that return features instead of a score, computed by the host application in NumPy.

Imports no TensorFlow: it runs beside LiteRT alone, and is the reference for other languages.
"""
