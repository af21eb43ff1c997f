"""What lies beside the files and tells people and apps what they are: metadata, manifest, model card, golden images.

Takes what was measured; measures nothing itself.
"""
