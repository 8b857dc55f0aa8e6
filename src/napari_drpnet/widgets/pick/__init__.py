"""The Pick dock."""
