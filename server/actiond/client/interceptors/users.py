"""Whose call it is, as the service's own function says.

If that function fails, no call goes on, even with `fail_open`: what a client sent may have caused the failure.
"""

from collections.abc import Callable
from typing import Any

from actiond.client.interceptors.asking import Failure
from actiond.client.interceptors.settings import User

_KIND = "USER"


def ask_user(names_user: Callable[[Any], Any], context: Any, is_abort: Callable[[Exception], bool]) -> Any:
    """Return what the service's function returns, or a Failure if it raises an error.

    Raises that of `context.abort`, which `is_abort` recognizes.
    """
    try:
        return names_user(context)
    except Exception as error:
        if is_abort(error):
            raise
        return user_error(error)


def user_error(error: Exception) -> Failure:
    """Return what an error of the service's function means. Clients are not told its text, which the log has."""
    return Failure(_KIND, f"user raises {type(error).__name__}", may_pass=False, error=error)


def checked_user(returned: object) -> User | Failure:
    """Return the user that the service's function has named, or what is wrong with what it returned."""
    if returned is None:
        return User()
    if isinstance(returned, Failure):
        return returned
    if not isinstance(returned, tuple):
        return _wrong(f"a value of type {type(returned).__name__}")
    if len(returned) != len(User._fields):
        return _wrong(f"a tuple of length {len(returned)}")
    for name, value in zip(User._fields, returned, strict=True):
        if not isinstance(value, str):
            return _wrong(f"a pair whose {name} is a value of type {type(value).__name__}")
        if not _is_unicode(value):
            return _wrong(f"a pair whose {name} has a lone surrogate")
    return User(*returned)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _wrong(what: str) -> Failure:
    return Failure(_KIND, f"user returns {what}; it must return a User, a pair of strings, or None", may_pass=False)
