# The `sagwan` command for the owner of the schema: migrations, tenants and keys. The context is the repository root:
#   docker build -f deploy/docker/migrate.Dockerfile -t sagwan-migrate .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# Every wheel that the command needs, its own among them. Nothing outside the lock files is fetched: build.lock holds
# what the builds themselves need.
FROM ${PYTHON_IMAGE} AS wheels
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements/build.lock requirements/migrate.lock requirements/
RUN pip install --require-hashes -r requirements/build.lock \
 && pip wheel --require-hashes --no-build-isolation --wheel-dir /wheels -r requirements/migrate.lock
COPY protos/ protos/
COPY libs/runtime/ libs/runtime/
COPY libs/bench/ libs/bench/
COPY libs/client/ libs/client/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels \
    ./protos ./libs/runtime ./libs/bench ./libs/client

# An environment without pip: a running command installs nothing.
FROM ${PYTHON_IMAGE} AS environment
COPY --from=wheels /wheels /wheels
RUN python -m venv --without-pip /opt/sagwan \
 && pip --python /opt/sagwan/bin/python install --no-cache-dir --no-index --no-deps /wheels/*.whl

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 sagwan \
 && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin sagwan
COPY --from=environment /opt/sagwan /opt/sagwan
COPY migrations/ /migrations/
ENV PATH=/opt/sagwan/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SAGWAN_MIGRATIONS_DIR=/migrations
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["sagwan"]
CMD ["migrate"]
