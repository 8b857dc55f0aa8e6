"""How DeepCryoPicker learns: enhance -> clusters -> shapes -> examples -> learning; boxes of what it then finds."""
