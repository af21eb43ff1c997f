"""The LiteRT format: conversion from a SavedModel, and reading and changing the flatbuffer itself.

Takes bytes and returns bytes; knows nothing of scores or runs.
"""
