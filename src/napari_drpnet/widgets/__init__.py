"""The dock widgets, one file each, and what their forms share."""
