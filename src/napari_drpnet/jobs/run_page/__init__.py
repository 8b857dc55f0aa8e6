"""The page of a run: what became of its micrographs, for the eye, in a browser."""
