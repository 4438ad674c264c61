"""Functions that know a message to satisfy its rules without asking protovalidate, which is slower by its copy of it.

An acceptor answers True where every rule surely holds, and False for all else: a rule that it does not know, a value at
the edge, a wrong one. Then protovalidate decides and words the violations, so it stays the one authority.
"""
