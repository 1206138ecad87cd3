"""The bytes of one chunk and the dataclasses that they stand for; nothing here computes.

Pure, and strict with what it reads: everything that comes from a store is checked here first.
"""
