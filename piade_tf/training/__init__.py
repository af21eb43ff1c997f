"""Training: `model.fit` with its schedule, its random changes of images and its devices.

Then the scores are fitted to the same images. Takes splits of normal images; knows nothing of thresholds or pictures.
"""
