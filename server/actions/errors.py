"""What can go wrong in the domain. Each error is a type with data; codes and texts are the API's business."""


class DomainError(Exception):
    """The base of everything that a caller can be told."""


class TargetNameTakenError(DomainError):
    """The resource owner has a target of this name, whatever its letter case."""


class TargetNotFoundError(DomainError):
    """There is no such target, or it belongs to another resource owner."""


class TokenMissingError(DomainError):
    """The call carries no Authorization header."""


class TokenInvalidError(DomainError):
    """The call's token is unknown, expired, revoked, or not a bearer token."""


class PermissionMissingError(DomainError):
    """The call's token lacks the permission that the method asks for."""


class TokenNotFoundError(DomainError):
    """There is no token of this id."""


class StoreError(Exception):
    """A store failed. No fault of the caller's: the cause is for the log alone, and stands in `__cause__`."""
