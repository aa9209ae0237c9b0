"""Naturalistic textures and spectrally matched noise: how they are shown and were made."""
