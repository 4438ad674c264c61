"""Runs protoc over proto/ and writes generated/: one Python package, its type stubs and the descriptor set for Envoy.

protoc writes absolute imports, as if `zitadel` and `buf` were installed at the top of site-packages. They are made
relative here, so that the package `actiond_protos` is all that an installation adds.

`buf/validate/validate.proto` is not vendored: protovalidate carries its descriptor. Compiling that one keeps the field
numbers of the rules and the engine that reads them on the same version.
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path

import grpc_tools
from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

PROTO = Path(__file__).parent
VALIDATE = "buf/validate/validate.proto"
PACKAGE = "actiond_protos"
DESCRIPTORS = "actiond.binpb"


def _rules_files() -> list[descriptor_pb2.FileDescriptorProto]:
    files = []
    for module in (descriptor_pb2, duration_pb2, timestamp_pb2, field_mask_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        files.append(file)
    files.append(descriptor_pb2.FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary()))
    return files


def _protoc(*arguments: str) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        sys.exit("protoc failed")


def _make_package(package: Path) -> None:
    """Make the imports between generated modules relative, and make every folder a package."""
    tops = "|".join(re.escape(folder.name) for folder in package.iterdir() if folder.is_dir())
    absolute_import = re.compile(rf"^from (?=(?:{tops})\b)", re.MULTILINE)
    # The name under which a module is registered becomes its messages' `__module__`, which pickle imports.
    registered_name = re.compile(rf"(?<=DESCRIPTOR, ')(?=(?:{tops})\b)")
    for module in [*package.rglob("*.py"), *package.rglob("*.pyi")]:
        dots = "." * len(module.relative_to(package).parts)
        code = absolute_import.sub(f"from {dots}", module.read_text())
        module.write_text(registered_name.sub(f"{package.name}.", code))
    for folder in {module.parent for module in package.rglob("*.py")}:
        for parent in (folder, *folder.parents):
            if parent.is_relative_to(package):
                (parent / "__init__.py").touch()
    (package / "__init__.py").write_text('"""Code that protoc generated from proto/. Not edited by hand."""\n')
    (package / "py.typed").touch()


def generate(target: Path) -> None:
    """Empty `target` and write all generated files into it."""
    shutil.rmtree(target, ignore_errors=True)
    package = target / PACKAGE
    package.mkdir(parents=True)
    ours = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    googleapis = Path(error_details_pb2.__file__).parents[2]
    with tempfile.TemporaryDirectory() as scratch:
        rules = Path(scratch, "validate.binpb")
        rules.write_bytes(descriptor_pb2.FileDescriptorSet(file=_rules_files()).SerializeToString())
        read_rules = f"--descriptor_set_in={rules}"
        read = [f"-I{PROTO}", f"-I{googleapis}", f"-I{Path(grpc_tools.__file__).parent / '_proto'}", read_rules]
        write = [f"--python_out={package}", f"--pyi_out={package}"]
        _protoc(read_rules, *write, VALIDATE)
        _protoc(*read, *write, f"--grpc_python_out={package}", *ours)
        # Envoy prints an error's details only if it knows their types, so those are in its set too.
        details = [status_pb2.DESCRIPTOR.name, error_details_pb2.DESCRIPTOR.name]
        described = ("--include_imports", "--include_source_info")  # the comments, for the OpenAPI document
        _protoc(*read, *described, f"--descriptor_set_out={package / DESCRIPTORS}", *ours, *details)
    _make_package(package)


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else PROTO.parent / "generated")
