"""Label models: how the votes of many sources become one probability per label."""
