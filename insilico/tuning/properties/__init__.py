"""What is measured on a tuning curve: one function per property, all units at once.

Every function takes a curve, dims ("unit", <factor>), and returns one value per unit whose
``long_name`` and ``units`` label tables and figures. Silent units, and whatever a curve does not
determine, are NaN.
"""
