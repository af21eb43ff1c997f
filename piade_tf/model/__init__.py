"""The network: encoders, pyramidal pooling and routing put together, and the losses that train it.

Pure Keras 3 (`keras.ops`), so that it trains and runs on every backend; no TensorFlow and no data come in.
"""
