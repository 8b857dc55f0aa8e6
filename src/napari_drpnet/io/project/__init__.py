"""The folder of a project: settings, index, picks, labels, regions, networks, and the lock."""
