"""Arrays to samples and back: axes, missing cells, levels, the band transform.

What a reader repeats is exact: integers, or single float64 operations that give the same bits on
every machine.
"""
