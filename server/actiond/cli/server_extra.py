"""What `pip install 'actiond[server]'` adds to a bare installation, and whether it is there."""

from importlib.util import find_spec

MODULES = (
    "cel_expr_python",
    "cryptography",
    "grpc_health",
    "grpc_reflection",
    "httptools",
    "joserfc",
    "ngh2",
    "orjson",
    "prometheus_client",
    "protovalidate",
    "sonora",
    "uvloop",
    "yarl",
)
"""The packages of the extra, by the names under which they are imported."""


def missing() -> list[str]:
    """Return the packages that are not installed, without importing the others."""
    return [name for name in MODULES if find_spec(name) is None]
