# The project's images: `docker build --target pipelines .`, `--target minio .`, which compose.yaml builds, and
# `--target operator .` for a cluster.
# Every base is an argument, so that an image imported on this machine serves where no registry can be reached:
#   python: Python 3.11 or newer with venv   go: Go 1.24 or newer   debian: Debian or Ubuntu with apt
# A network with a certificate authority of its own hands its bundle in: --secret id=ca,src=/path/to/bundle.crt
# One line a RUN and no `# syntax=`: the builder of Docker 20.10 takes this file as it is.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
ARG GO_IMAGE=golang:1.26-bookworm
ARG DEBIAN_IMAGE=debian:bookworm-slim

# What installs third-party packages, each at its pinned hash; it stays behind.
FROM ${PYTHON_IMAGE} AS installer
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_SYSTEM_CERTS=1 UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_HTTP_TIMEOUT=180
COPY requirements /src/requirements
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    python3 -m venv /opt/installer && \
    sed -n '/^uv==/,/[^\\]$/p' /src/requirements/core.txt >/opt/installer/uv.txt && \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt /opt/installer/bin/pip install --quiet --require-hashes -r /opt/installer/uv.txt && \
    python3 -m venv --without-pip /opt/venv
ENV INSTALL="/opt/installer/bin/uv pip install --quiet --python /opt/venv/bin/python"

FROM installer AS packages
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt --mount=type=cache,target=/root/.cache/uv \
    $INSTALL --require-hashes --no-deps -r /src/requirements/core.txt && \
    /opt/installer/bin/uv pip uninstall --quiet --python /opt/venv/bin/python uv
# PySpark comes as source and is built with the setuptools of the core.
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt --mount=type=cache,target=/root/.cache/uv \
    $INSTALL --require-hashes --no-deps --no-build-isolation -r /src/requirements/spark.txt
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt --mount=type=cache,target=/root/.cache/uv \
    $INSTALL --require-hashes --no-deps -r /src/requirements/cluster.txt
# none: no training in this image. cuda is the build of the ordinary index; cpu and rocm come from PyTorch's own.
ARG TORCH=none
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt --mount=type=cache,target=/root/.cache/uv \
    case "$TORCH" in none) exit 0 ;; cpu) backend=--torch-backend=cpu ;; cuda) backend= ;; \
        rocm) backend=--torch-backend=rocm7.2 file=torch-rocm.txt ;; \
        *) echo "TORCH is none, cpu, cuda or rocm, not $TORCH" >&2; exit 2 ;; esac && \
    $INSTALL --require-hashes --no-deps --no-build-isolation -r /src/requirements/training.txt -r /src/requirements/models.txt && \
    $INSTALL $backend -r "/src/requirements/${file:-torch.txt}"

# The project itself, apart, so that a change of code leaves the layer of packages as it is.
FROM packages AS project
COPY pyproject.toml README.md LICENSE /src/
COPY resources /src/resources
COPY dataalchemy_pipelines /src/dataalchemy_pipelines
RUN $INSTALL --no-deps --no-build-isolation --no-index --target /opt/dataalchemy /src

# Code location, webserver, daemon and runs.
FROM ${PYTHON_IMAGE} AS pipelines
RUN mkdir -p /usr/share/man/man1 && apt-get -qq update && \
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends openjdk-17-jre-headless >/dev/null && \
    rm -rf /var/lib/apt/lists/* /var/log/*
# Java looks the user up: without an entry its home is "?", and Spark fails.
RUN groupadd --gid 10001 dataalchemy && \
    useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin dataalchemy && \
    install -d -o 10001 -g 10001 -m 0700 /data && mkdir /app
COPY --from=packages /opt/venv /opt/venv
COPY --from=project /opt/dataalchemy /opt/dataalchemy
COPY resources/instances/workspace.yaml /app/workspace.yaml
COPY resources/instances/spark-executor.sh /usr/local/bin/spark-executor
RUN echo /opt/dataalchemy >"$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/dataalchemy.pth"
ENV PATH=/opt/venv/bin:/opt/dataalchemy/bin:/usr/local/bin:/usr/bin:/bin \
    PROJECT_ROOT=/app HOME=/data DATAALCHEMY_DATA_PATH=/data DATAALCHEMY_CACHE=/data/cache DAGSTER_HOME=/data/dagster \
    DAGSTER_DISABLE_TELEMETRY=yes PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 3000 4000
CMD ["dagster", "api", "grpc", "--host", "0.0.0.0", "--port", "4000", "--module-name", "dataalchemy_pipelines.definitions", "--location-name", "dataalchemy"]

# MinIO publishes source only, so the server is built from its released module.
FROM ${GO_IMAGE} AS minio-build
ENV PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ARG MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=cache,target=/go --mount=type=cache,target=/root/.cache/go-build \
    GOPATH=/go GOBIN=/out CGO_ENABLED=0 go install -trimpath -ldflags="-s -w" "github.com/minio/minio@$MINIO_VERSION"

FROM ${DEBIAN_IMAGE} AS minio
# curl asks whether the server is healthy.
RUN apt-get -qq update && \
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends ca-certificates curl >/dev/null && \
    rm -rf /var/lib/apt/lists/* /var/log/*
RUN groupadd --gid 10001 minio && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin minio && \
    install -d -o 10001 -g 10001 -m 0700 /data
COPY --from=minio-build /out/minio /usr/local/bin/minio
ENV HOME=/tmp MINIO_UPDATE=off
USER 10001:10001
VOLUME /data
EXPOSE 9000 9001
CMD ["minio", "server", "/data", "--address", ":9000", "--console-address", ":9001"]

# The operator shares nothing with the pipelines: no Java, no Spark, no Kubernetes library.
FROM installer AS operator-packages
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt --mount=type=cache,target=/root/.cache/uv \
    $INSTALL --require-hashes --no-deps -r /src/requirements/operator.txt

FROM ${PYTHON_IMAGE} AS operator
RUN groupadd --gid 10001 dataalchemy && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin dataalchemy
COPY --from=operator-packages /opt/venv /opt/venv
COPY k8s/__init__.py /app/k8s/__init__.py
COPY k8s/controller /app/k8s/controller
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/app HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001
EXPOSE 8080
CMD ["kopf", "run", "--module=k8s.controller.main", "--all-namespaces", "--liveness=http://0.0.0.0:8080/healthz"]
