"""Between the wire and the domain: the servicer, the errors' statuses, authentication. Names no store."""
