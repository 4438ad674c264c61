"""Code that protoc generated from proto/. Not edited by hand."""
