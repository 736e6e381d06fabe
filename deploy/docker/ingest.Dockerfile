# The ingest service. The context is the repository root:
#   docker build -f deploy/docker/ingest.Dockerfile -t sagwan-ingest .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# Every wheel that the service needs, its own among them. Nothing outside the lock files is fetched: build.lock holds
# what the builds themselves need.
FROM ${PYTHON_IMAGE} AS wheels
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements/build.lock requirements/ingest.lock requirements/
RUN pip install --require-hashes -r requirements/build.lock \
 && pip wheel --require-hashes --no-build-isolation --wheel-dir /wheels -r requirements/ingest.lock
COPY protos/ protos/
COPY libs/runtime/ libs/runtime/
COPY libs/text/ libs/text/
COPY services/ingest/ services/ingest/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels \
    ./protos ./libs/runtime ./libs/text ./services/ingest

# An environment without pip: a running service installs nothing.
FROM ${PYTHON_IMAGE} AS environment
COPY --from=wheels /wheels /wheels
RUN python -m venv --without-pip /opt/sagwan \
 && pip --python /opt/sagwan/bin/python install --no-cache-dir --no-index --no-deps /wheels/*.whl

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 sagwan \
 && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin sagwan
COPY --from=environment /opt/sagwan /opt/sagwan
ENV PATH=/opt/sagwan/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SAGWAN_INGEST_HOST=0.0.0.0
USER 10001:10001
EXPOSE 50052 9102
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-m", "sagwan_runtime.probe", "127.0.0.1:50052", "sagwan.ingest.v1.IngestService"]
CMD ["python", "-m", "sagwan_ingest"]
