"""A rig that one plays by hand: a stimulus under the mouse, and the units that answer it."""

from insilico.rig.explored import read_explored
from insilico.rig.script import repeated

__all__ = ["read_explored", "repeated"]
