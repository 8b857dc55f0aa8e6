"""Networks from micrographs with true coordinates: data, one training loop, the two stages, calibration."""
