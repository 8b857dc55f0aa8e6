"""CenterPicker: a network that says where centres are and how large the particles are."""
