"""`sagwan search --interactive`: searches as one types.

- `session`: what is typed, asked, answered and selected, as a value with a method an event; pure;
- `asker`: keeps at most one call under way, that of the newest question;
- `view`: a session as rows of styled text; pure;
- `screen`: keys in, rows out, on a whole terminal.
"""

from sagwan_client.cli.interactive.screen import Screen

__all__ = ["Screen"]
