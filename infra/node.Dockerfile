# The node agent alone, without the store, the stages and the API. Built from the root of the repository:
#   docker build -f infra/node.Dockerfile -t penstock-node .
# Run on the machine it is to measure; it sees its processes, its network and its accelerators, and may do nothing:
#   docker run -d --restart unless-stopped --read-only --cap-drop ALL --pid host --network host --gpus all \
#     -v penstock-node:/var/lib/penstock -e PENSTOCK_NODE__NODE_ID=gpu-01 \
#     -e PENSTOCK_KAFKA__BOOTSTRAP_SERVERS=hub.example:9092 -e PENSTOCK_REGISTRY__URL=http://hub.example:8081 \
#     penstock-node
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m pip install --no-cache-dir uv
COPY pyproject.toml uv.lock README.md LICENSE ./
# Everything else the agent does without; tests run it so.
ARG WITHOUT="--no-install-package chdb-core --no-install-package pandas \
 --no-install-package numpy --no-install-package pyarrow --no-install-package clickhouse-connect \
 --no-install-package faust-streaming --no-install-package mode-streaming --no-install-package fastapi \
 --no-install-package starlette --no-install-package uvicorn \
 --no-install-package jgo --no-install-package prompt-toolkit"
RUN UV_PROJECT_ENVIRONMENT=/opt/penstock uv sync --frozen --no-dev --no-install-project $WITHOUT
COPY schemas schemas
COPY producers producers
COPY processors processors
COPY sinks sinks
COPY api api
COPY infra infra
RUN UV_PROJECT_ENVIRONMENT=/opt/penstock uv sync --frozen --no-dev --no-editable $WITHOUT

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/penstock --create-home penstock
COPY --from=build /opt/penstock /opt/penstock
ENV PATH=/opt/penstock/bin:$PATH \
    PENSTOCK_DATA_DIR=/var/lib/penstock \
    PYTHONUNBUFFERED=1
USER penstock
VOLUME /var/lib/penstock
ENTRYPOINT ["penstock"]
CMD ["node"]
