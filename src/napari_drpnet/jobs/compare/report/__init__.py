"""What a comparison is written as: tables, pictures, and one page."""
