"""The Workspace dock: all steps of the work as tabs of one dock."""
