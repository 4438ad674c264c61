"""One call, whatever its protocol: its methods, context, lifetime and dispatcher."""
