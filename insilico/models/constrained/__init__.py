"""The constrained ResNets of Pogoncheff, Granley & Beyeler (2023)."""
