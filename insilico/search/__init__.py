"""Searching for hyper-parameters: the rig is the objective."""
