"""The Retrain dock: train, see what changed, find out what to label next."""
