"""How endpoints are asked: the desk and everything on it."""
