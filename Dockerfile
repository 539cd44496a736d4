# The bridge as one small image: locked and hashed dependencies, no compiler, no root, no secrets.
# Run it read-only with /data writable; settings come from the environment. Without a desk it ends at
# once with status 2 and says which settings are missing. docs/operations.md tells how to run it.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
RUN python -m venv /opt/bridge
ENV PATH=/opt/bridge/bin:$PATH
COPY requirements.lock /src/
RUN pip install --require-hashes --requirement /src/requirements.lock
COPY . /src
RUN pip install --no-deps --no-build-isolation /src \
 && pip uninstall --yes setuptools pip

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin bridge \
 && install --directory --owner bridge --group bridge --mode 0700 /data
COPY --from=build /opt/bridge /opt/bridge
ENV PATH=/opt/bridge/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HANDOFF_DATABASE_URL=sqlite:////data/handoff.db \
    HANDOFF_HOST=0.0.0.0 \
    HANDOFF_PORT=8080
WORKDIR /data
VOLUME /data
USER bridge
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['HANDOFF_PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["handoff"]
CMD ["serve"]
