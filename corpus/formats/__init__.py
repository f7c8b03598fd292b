"""Readers, one format a file: each yields every record of a file, readable or not."""
