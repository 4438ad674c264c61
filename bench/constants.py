"""The response's values, shared by two protobuf libraries. Imports neither."""

TARGET_ID = "383270916982837248"
OWNER = "383270916701814784"
SECONDS, NANOS = 1_795_000_000, 438_174_228
