"""Arrays to payloads: what can be tried, in which order, and the proof that the promise is kept."""
