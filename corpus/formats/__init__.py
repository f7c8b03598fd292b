"""One reader a file: from a raw source to records with their line."""
