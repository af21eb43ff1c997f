"""What scores are worth: thresholds, metrics of images and of pixels, and their intervals.

Takes numbers, labels and masks and returns numbers; pictures and pages are made in `report`.
"""
