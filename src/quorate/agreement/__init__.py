"""How far several raters say the same: coefficients of agreement, their intervals, and where the raters part."""
