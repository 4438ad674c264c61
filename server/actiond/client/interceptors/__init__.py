"""Interceptors that run executions around the calls of other people's grpcio services, by asking actiond.

`threads` is the one for `grpc`, `tasks` that for `grpc.aio`. What does not depend on how one waits is shared:

- `settings`;
- `rules`: what is set for which method;
- `asking`: what is sent, and what an error means;
- `users`: whose call it is, as the service says;
- `codecs`: messages as bytes beside their decoded form;
- `methods`: what is asked for a method's messages;
- `watching`: when a watch is tried again;
- `faults`: what is logged and counted.
"""
