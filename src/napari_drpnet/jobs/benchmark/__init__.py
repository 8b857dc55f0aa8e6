"""A benchmark to enter: any picker or set of picks on any labelled set, by the same rules."""
