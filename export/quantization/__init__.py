"""From floats to integers: activation ranges, post-training and full-integer quantization, refitted statistics.

Takes a float model with representative images and returns a smaller one that keeps the verdict.
"""
