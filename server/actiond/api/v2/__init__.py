"""zitadel.action.v2 and v2beta: the servicer of both, its converters and its error ids.

v2beta's messages are those of v2 without public keys and payload types, with the same names, numbers and JSON names. So
the converters are written for v2's, and given either.
"""
