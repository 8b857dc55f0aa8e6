"""Class averages of picks, with what each class is worth."""
