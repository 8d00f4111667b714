# Two images: `serve` (the default) without TensorFlow, and `train` with it. Neither holds the models: they are mounted at /models.
# Only what every engine's plain builder knows is used here: no BuildKit mounts, no `COPY --chmod`.

# The tag moves when Debian or Python mends something; whoever must build the very same image twice gives it with its digest:
# `--build-arg BASE=python:3.11-slim-bookworm@sha256:…`, or WARDROBE_BASE for Compose. The image's labels say which it was.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS base
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1


FROM base AS build
RUN python3 -m venv /opt/venv
# Wheels only, since there is no compiler; dependencies before code, so that a change of code installs nothing.
# `tracing` adds OpenTelemetry's SDK, for WARDROBE_TRACING; `cloud` also what reads object stores, for WARDROBE_MODELS_DIR=s3://….
ARG REQUIREMENTS=serve
COPY requirements/${REQUIREMENTS}.lock /tmp/requirements.lock
RUN pip install --no-cache-dir --disable-pip-version-check --no-compile --only-binary :all: --no-deps --require-hashes -r /tmp/requirements.lock
# What is removed here never reaches the image.
RUN cd /opt/venv/lib/python3.11/site-packages \
    # of LiteRT keep the interpreter: no accelerators, compilers or converters
 && (cd ai_edge_litert && rm -r aot tflite tools vendors libLiteRtWebGpuAccelerator.so) \
 && pip uninstall -q -y setuptools pip \
    # headers for C++ programs, tests, stubs for type checkers, numpy's Fortran wrapper
 && rm -r numpy/_core/include numpy/_core/lib numpy/f2py \
 && find . -type d -name tests -prune -exec rm -r {} + \
 && find . -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.a' -o -name '*_tests.cpython-*.so' \) -delete \
    # Pillow's AVIF codec, a format the service does not accept
 && rm PIL/_avif.*.so pillow.libs/libavif-*.so*
COPY app /srv/app
# Readable for any user, whatever the checkout's umask; bytecode now, since a read-only container could never keep it, and never
# checked against its source, which can't change either.
RUN chmod -R a+rX /srv && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib /srv


FROM base AS serve
ARG BASE
LABEL org.opencontainers.image.base.name=${BASE}
# Nothing here has to become another user: what runs with its owner's rights, as `su`, runs with the caller's.
RUN find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv /srv
WORKDIR /srv
# With glibc's own threshold, which grows, 1.3 GB stayed allocated after a few photos of 50 megapixels; with this one 70 MB do.
ENV WARDROBE_HOST=0.0.0.0 \
    WARDROBE_MODELS_DIR=/models \
    WARDROBE_MODELS_CACHE=/tmp/models \
    MALLOC_MMAP_THRESHOLD_=8388608
EXPOSE 8000
# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
# The image has no curl, and needs none.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ.get('WARDROBE_PORT', 8000)}/healthz\", timeout=2)"]
# Without a shell, so that the service itself gets SIGTERM and finishes what it is answering.
CMD ["python", "-m", "app"]


FROM base AS train
RUN apt-get update \
 && apt-get install -y --no-install-recommends dataset-fashion-mnist \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/*
COPY requirements/train.lock /tmp/
RUN python3 -m venv /opt/venv \
 && pip install --no-cache-dir --disable-pip-version-check --no-compile --only-binary :all: --no-deps --require-hashes -r /tmp/train.lock \
 && pip uninstall -q -y pip \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib
COPY training /srv/training
RUN chmod -R a+rX /srv && python3 -m compileall -q --invalidation-mode unchecked-hash /srv
RUN find / -xdev -type f -perm /6000 -exec chmod a-s {} +
WORKDIR /srv
# The container's root is read-only; Matplotlib and Keras write to their home.
ENV HOME=/tmp
# The commit that a model's card names: `docker build --build-arg REVISION="$(git rev-parse HEAD)"`.
ARG REVISION=
ENV WARDROBE_REVISION=$REVISION
USER 10001:10001
ENTRYPOINT ["python", "-m", "training"]
CMD ["train", "all", "--output", "/models"]


# The default of `docker build .`. A builder older than BuildKit makes `train` on its way here: give it `--target serve`.
FROM serve
