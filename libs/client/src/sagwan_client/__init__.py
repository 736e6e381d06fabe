"""The client of Sagwan, and the `sagwan` command.

- `client`: `SagwanClient`, one typed method an RPC, answers are the protobuf messages themselves;
- `importing`: many transcripts over one call, with a bounded number in flight;
- `channels`: deadlines, keepalive and retries, in one place;
- `errors`: `SagwanCallError`, the one error that a call raises;
- `settings`: where the services are and which key to send, from the environment;
- `transcripts`: files and folders to items of an import;
- `cli`: the command, one file a subcommand;
- `local`: the whole stack on one machine (extra `local`).
"""

from sagwan_client.client import SagwanClient
from sagwan_client.errors import FieldViolation, SagwanCallError
from sagwan_client.settings import ClientSettings

__all__ = ["ClientSettings", "FieldViolation", "SagwanCallError", "SagwanClient"]
