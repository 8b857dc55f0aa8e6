"""The Compare dock: several sets of picks on one micrograph."""
