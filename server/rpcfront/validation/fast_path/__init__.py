"""Fast-path validators: prove a message valid without calling protovalidate.

A predicate returns True where every rule certainly holds, and False otherwise: for an invalid value, for one that only
protovalidate can judge, and for every message with a rule that is not known here. False means "ask protovalidate",
which decides and words the violations, so it stays the one authority.
"""
