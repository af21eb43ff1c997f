"""From an image and the network's outputs to scores and an anomaly map, and what is fitted to normal images for it.

Pure Keras 3 and NumPy: scores run in training's process, in a detector and inside an exported graph alike.
"""
