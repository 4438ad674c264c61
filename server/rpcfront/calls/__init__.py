"""A call from its headers to its outcome, whatever the protocol: dispatch, context, deadlines, observers."""
