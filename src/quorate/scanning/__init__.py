"""Scans: data of any size and shape (files, folders, URLs, tables), read in a fixed order a few rows at a time."""
