"""Makes the calls that stdin names, one line of JSON each, with zitadel-client, and writes what it returned to stdout.

It runs in a process of its own, with zitadel-client's packages instead of ours. sdks.py says what the lines are.
Argument: the server's URL.
"""

import json
import re
import sys
from datetime import datetime
from typing import Any

from zitadel_client import ApiError, Zitadel, models

SERVICES = {"v2": ("actions", "ActionService"), "v2beta": ("beta_actions", "BetaActionService")}


def answer(named: dict[str, Any]) -> dict[str, Any]:
    """Return the response, or what the exception tells."""
    attribute, prefix = SERVICES[named["service"]]
    service = getattr(Zitadel.with_access_token(sys.argv[1], named["token"]), attribute)
    method = getattr(service, re.sub("(?<!^)(?=[A-Z])", "_", named["method"]).lower())
    # An empty request is a dict; every other has a model.
    request = getattr(models, f"{prefix}{named['method']}Request", None)
    try:
        response = method(named["request"] if request is None else request.from_dict(named["request"]))
    except ApiError as error:
        body = error.response_body
        details = [detail["debug"] for detail in body.get("details", []) if detail["type"] == "zitadel.v1.ErrorDetail"]
        return {"error": {"code": [error.code, body["code"]], "message": body["message"], "details": details}}
    return {"response": response.to_dict()}


def text_of(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()


for line in sys.stdin:
    sys.stdout.write(json.dumps(answer(json.loads(line)), default=text_of) + "\n")
    sys.stdout.flush()
