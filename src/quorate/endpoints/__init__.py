"""Endpoints: how a model is asked over the wire."""
