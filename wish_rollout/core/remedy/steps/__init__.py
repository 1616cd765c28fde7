"""The steps of a remedy: what becomes of each object, and what has to happen before what."""
