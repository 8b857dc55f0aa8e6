"""Pictures: micrographs with picks, cut-out particles, charts, and the colours of sets of picks."""
