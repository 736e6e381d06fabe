"""The whole stack on one machine. Needs the extra `local`; nothing outside this room imports it at the top of a file.

- `state`: the folder `var/`, its lock and its files;
- `ports`: where each service will listen;
- `postgres`: the embedded PostgreSQL;
- `schema`: migrations, the tenant and its key;
- `processes`: services as child processes, `launch` is what starts in each;
- `stack`: all of it in order, and back down again.
"""
