"""Training: `model.fit` with its schedule, its random changes of images and its devices.

Takes the model and batches of images; knows nothing of scores, thresholds or pictures.
"""
