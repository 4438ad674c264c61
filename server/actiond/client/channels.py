"""The two kinds of channels that grpcio has. Given the wrong one, grpcio itself fails only when it is first used."""

import grpc
import grpc.aio


def check_threads(channel: object, name: str) -> None:
    """Raise TypeError for a channel of `grpc.aio`. `name` is that of the class which is given it."""
    if isinstance(channel, grpc.aio.Channel):
        raise TypeError(
            f"channel is one of grpc.aio; actiond.client.{name} takes one of grpc, actiond.client.aio.{name} this one"
        )


def check_aio(channel: object, name: str) -> None:
    """Raise TypeError for a channel of `grpc`. `name` is that of the class which is given it."""
    if isinstance(channel, grpc.Channel):
        raise TypeError(
            f"channel is one of grpc; actiond.client.aio.{name} takes one of grpc.aio, actiond.client.{name} this one"
        )
