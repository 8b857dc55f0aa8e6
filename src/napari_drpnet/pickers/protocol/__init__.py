"""What a picker is, how it is found by name, and what every picker is given beside its own code."""
