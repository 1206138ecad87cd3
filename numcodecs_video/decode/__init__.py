"""Payloads back to arrays: whole chunks, and parts of them. Needs no encoder."""
