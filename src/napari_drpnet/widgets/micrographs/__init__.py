"""The Micrographs dock: go through a project and correct its picks."""
