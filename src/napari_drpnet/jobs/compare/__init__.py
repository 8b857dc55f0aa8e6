"""Several pickers and sets of picks against each other and a truth: tables, pictures, one page, a consensus."""
