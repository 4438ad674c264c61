"""`actiond descriptors`: write the descriptor set that Envoy's transcoder needs in front of a service of one's own."""

from collections.abc import Iterable
from pathlib import Path

from actiond.api.descriptor_sets import DescriptorSetError
from actiond.api.transcoder_set import transcoder_set
from actiond.process.console import Failure


def write(output: Path, descriptor_sets: Iterable[Path]) -> None:
    """Write the files of the sets and the types of error details. Raises Failure."""
    try:
        output.write_bytes(transcoder_set(descriptor_sets).SerializeToString())
    except DescriptorSetError as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{output}: {error.strerror}") from error
