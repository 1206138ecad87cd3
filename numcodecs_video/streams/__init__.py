"""The coders of pictures and bytes, one file each.

A coder of pictures has two functions: ``encode`` takes frames (T, Y, X) and gives one byte string
for the whole chunk (what every segment needs) and one a segment; ``decode`` takes those bytes of
one segment back to its frames. Each module has a table of what its coder can do.
"""
