"""What needs more than the default installation says which extra brings it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sagwan_embedder.domain.model import ModelUnusable


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Names the extra to install where an import inside the block finds a package missing.

    Raises:
        ModelUnusable: A package is not there.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("sagwan"):
            raise
        raise ModelUnusable(
            f"this needs {error.name}: install it with `pip install 'sagwan-embedder[{name}]'`"
        ) from error
