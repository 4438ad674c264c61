"""What other programs import: the verifier of signed calls. Needs nothing that serving needs."""
