"""What can go wrong in the domain. Each error is a type with data; codes and texts are the API's business."""


class DomainError(Exception):
    """The base of everything that a caller can be told."""


class TargetNameTakenError(DomainError):
    """The resource owner has a target of this name, whatever its letter case."""


class TargetNotFoundError(DomainError):
    """There is no such target, or it belongs to another resource owner."""


class TargetToChangeNotFoundError(TargetNotFoundError):
    """The same, of one that was to be changed."""


class TargetToDeleteNotFoundError(TargetNotFoundError):
    """The same, of one that was to be deleted."""


class TargetOfExecutionNotFoundError(TargetNotFoundError):
    """The same, of one that an execution was to call, by a step whose position is the argument."""


class EndpointDeniedError(DomainError):
    """The endpoint names an address that this server does not call. The argument says why."""


class LimitTooHighError(DomainError):
    """More was asked for than a page may hold."""


class RequestConditionEmptyError(DomainError):
    """A request or response condition says neither method nor service nor all. The argument says where it stands."""


class EventConditionEmptyError(DomainError):
    """An event condition says neither event nor group nor all. The argument says where it stands."""


class MethodUnknownError(DomainError):
    """The catalogue has no such method."""


class ServiceUnknownError(DomainError):
    """The catalogue has no such service."""


class FunctionUnknownError(DomainError):
    """The catalogue has no such function."""


class EventUnknownError(DomainError):
    """The catalogue has no such event."""


class GroupUnknownError(DomainError):
    """The catalogue has no such group of events."""


class ExecutionNotFoundError(DomainError):
    """There is no execution of this condition."""


class IncludeNotFoundError(DomainError):
    """There is no execution of a condition that was to be included, by a step whose position is the argument."""


class CircularIncludeError(DomainError):
    """An include, of a step whose position is the argument, leads back to its own execution."""


class TooManyIncludeLevelsError(DomainError):
    """A chain of includes has more executions than it may."""


class TooManyStepsError(DomainError):
    """An execution has more steps than it may, with those of what it includes."""


class ExecutionFailedError(DomainError):
    """A target that interrupts on errors has failed, so the call it belongs to fails."""


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


class SchemaTooNewError(StoreError):
    """The database was written by a later release."""


class TargetFailedError(Exception):
    """A call to a target went wrong, or its answer could not be used. What exactly, is in the log alone."""
