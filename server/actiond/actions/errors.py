"""The domain's errors: one type for each, with named data.

Codes, ids and texts that clients see belong to each version of the API.
"""

from dataclasses import dataclass


class DomainError(Exception):
    """Base of the errors that a caller is responsible for."""

    def __str__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in vars(self).items())


class TargetNameTakenError(DomainError):
    """The resource owner has a target with this name, compared without letter case."""


@dataclass(eq=False)
class TargetNotFoundError(DomainError):
    """The resource owner has no such target."""

    target_id: str
    position: int | None = None
    """Index of the execution's step that names the target; None where the request names the target itself."""


@dataclass(eq=False)
class EndpointInvalidError(DomainError):
    """The endpoint is not a URL that can be called."""

    reason: str


@dataclass(eq=False)
class EndpointDeniedError(DomainError):
    """The endpoint is, or leads to, an address that this server does not call."""

    reason: str


class PublicKeyNotFoundError(DomainError):
    """The target has no public key of this id."""


class PublicKeyExpiredError(DomainError):
    """The public key has expired."""


class PublicKeyActiveError(DomainError):
    """The public key is the active one, and cannot be removed."""


@dataclass(eq=False)
class TooManyPublicKeysError(DomainError):
    """The target has `maximum` public keys already."""

    maximum: int


@dataclass(eq=False)
class PublicKeyFormatError(DomainError):
    """The text is no public key that payloads can be encrypted for."""

    reason: str
    """The rule that is broken, as what the key must be or have; without a full stop."""


@dataclass(eq=False)
class PageTooLargeError(DomainError):
    """The executions on the page have more than `maximum` targets, those of their includes counted."""

    maximum: int


@dataclass(eq=False)
class LimitTooHighError(DomainError):
    """The requested page is longer than `maximum`."""

    maximum: int


class ListTooSlowError(DomainError):
    """The list would take longer than the store allows one to take."""


class MethodUnknownError(DomainError):
    """The catalogue has no such method."""


class ServiceUnknownError(DomainError):
    """The catalogue has no such service."""


class FunctionUnknownError(DomainError):
    """The catalogue has no such function."""


@dataclass(eq=False)
class EventUnknownError(DomainError):
    """The catalogue has no such event, or nobody but this server may publish it."""

    position: int | None = None
    """Index of the event that should be published; None where a condition names the event."""


class GroupUnknownError(DomainError):
    """The catalogue has no such group of events."""


class ExecutionNotFoundError(DomainError):
    """No execution is set for this condition."""


@dataclass(eq=False)
class MatchInvalidError(DomainError):
    """A match condition is no CEL expression of a boolean, or one that may cost too much."""

    line: int
    """Counted from 1."""
    column: int
    """Of the first character that is wrong, in characters, counted from 1."""
    reason: str
    """The rule that is broken, as a clause without a full stop."""


class MatchNotAllowedError(DomainError):
    """The execution is for a function or for events, which have no match condition."""


@dataclass(eq=False)
class IncludeNotFoundError(DomainError):
    """A step includes an execution that does not exist."""

    position: int
    """Index of the step."""


@dataclass(eq=False)
class CircularIncludeError(DomainError):
    """A step includes an execution that leads back to the one being set."""

    position: int
    """Index of the step."""


@dataclass(eq=False)
class TooManyIncludeLevelsError(DomainError):
    """A chain of includes has more than `maximum` executions."""

    maximum: int


@dataclass(eq=False)
class TooManyStepsError(DomainError):
    """An execution has more than `maximum` steps, those of its includes counted."""

    maximum: int


@dataclass(eq=False)
class TooManyDeliveriesError(DomainError):
    """There are `maximum` unfinished deliveries, of this owner or of all."""

    maximum: int


@dataclass(eq=False)
class TooManyDeliveriesAtOnceError(DomainError):
    """The events would add more than `maximum` deliveries in one change."""

    maximum: int


class DeliveryNotFoundError(DomainError):
    """The resource owner has no such delivery, or its attempts are not kept any more."""


class DeliveryNotRetryableError(DomainError):
    """The delivery is neither dead nor waiting for a later retry, or its target has been removed."""


class DeliveryNotUnfinishedError(DomainError):
    """The delivery that should be cancelled is delivered or dead."""


@dataclass(eq=False)
class AggregateReservedError(DomainError):
    """An event that should be published is about an aggregate of this server's own types."""

    position: int
    """Index of the event."""


@dataclass(eq=False)
class EventIdTakenError(DomainError):
    """Another event of the resource owner was published under the same id."""

    position: int
    """Index of the event."""


class ExecutionFailedError(DomainError):
    """A target that interrupts on errors failed, so the call fails too."""


class TargetKeyMissingError(DomainError):
    """A target that interrupts on errors has no active public key to encrypt its payload for, so the call fails."""


@dataclass(eq=False)
class ExecutionForwardedError(DomainError):
    """A target that interrupts on errors has said how the call ends."""

    status: int
    """An HTTP status from 400 to 499; any other number means no particular one."""
    message: str
    """For the caller; may be empty."""


class DeadlineExceededError(DomainError):
    """The call's deadline passed before all of its targets were called."""


class TokenMissingError(DomainError):
    """The call has no Authorization header."""


class CertificateUnboundError(DomainError):
    """The call has no Authorization header, and no token is bound to a name of its client's certificate."""


class TokenInvalidError(DomainError):
    """The call's token is unknown, expired, revoked, or not a bearer token."""


class PermissionMissingError(DomainError):
    """The call's token lacks the permission that the method requires."""


class TokenNotFoundError(DomainError):
    """No token has this id."""


@dataclass(eq=False)
class CertificateTakenError(DomainError):
    """Another token, which is not revoked, is bound to the same name in certificates."""

    token_id: str
    token_name: str


@dataclass(eq=False)
class TokenRevokedError(DomainError):
    """The secret that a token should get is that of a token that has been revoked, for good."""

    token_id: str


@dataclass(eq=False)
class SecretTakenError(DomainError):
    """The secret that a token should get is that of another token."""

    token_id: str


@dataclass(eq=False)
class TooManyInstanceKeysError(DomainError):
    """`maximum` instance keys are published already."""

    maximum: int


class NotStartedError(DomainError):
    """The store is not prepared yet, as no server has started with it."""


class IdTakenError(Exception):
    """The id of a new entity has been given before. The next one is tried, so nobody sees this."""


class StoreError(Exception):
    """A store failed. The cause, in `__cause__`, is for the log only."""


class StoreUnavailableError(StoreError):
    """A store cannot do its work now, whatever the work is: it is busy, full, broken, or gone. Nothing was kept."""


class SchemaTooNewError(StoreError):
    """The database was written by a later release."""


class TargetFailedError(Exception):
    """A call to a target failed, or its response could not be used. The reason is for the log only."""

    lacks_public_key = False
    """Whether nothing was sent, as the payload could not be encrypted."""
