"""The Assess dock: picks judged by what was refined from them."""
