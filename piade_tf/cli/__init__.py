"""The command line: one file for each command, which reads as the order of its steps.

What a command does lives in the other rooms; only options, checks of options and messages come in here.
"""
