"""Whether a file says what the run says: each is run in a process of its own and compared with the Keras model.

Takes files and images; decides whether a file ships.
"""
