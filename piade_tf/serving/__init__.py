"""An exported model over HTTP: the interface for line computers, and the inspector beside it.

Takes a run's `export` folder and runs its files with LiteRT; trains, fits and writes nothing.
"""
