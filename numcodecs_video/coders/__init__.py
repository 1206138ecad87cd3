"""The package's own coders, one folder each."""
