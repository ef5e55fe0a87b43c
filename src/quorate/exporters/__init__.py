"""Exporters: file formats for a training set."""
