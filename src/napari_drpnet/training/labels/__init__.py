"""What a person's labels teach: a calibration, patches for a classifier, and what they are worth."""
