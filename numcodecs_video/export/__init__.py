"""Chunks as files that other programs open: Matroska, JPEG 2000, and films."""
