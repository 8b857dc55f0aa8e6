"""Class averages of picked particles, and what they prove: pure functions on images and picks."""
