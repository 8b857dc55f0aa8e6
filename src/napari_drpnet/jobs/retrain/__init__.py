"""From labels to a better picker: harvest, retrain, compare before and after, suggest what to label next."""
