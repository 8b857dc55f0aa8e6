"""What a reconstruction tells of the particles that it was made from."""
