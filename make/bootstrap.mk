# Included first by the Makefile. Decides whether PGXS is there; on a fresh machine it is not, and then only goals that
# install it first can work: they do, and call make again.
.DEFAULT_GOAL := all
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
PG_VERSION := $(word 2,$(shell $(PG_CONFIG) --version 2>/dev/null))

ifeq ($(wildcard $(PGXS)),)
LPBM_BOOTSTRAP := yes
BOOTSTRAP_GOALS := demo test test-versions check unit e2e bench format tidy fuzz search search-planted

ifdef LPBM_BOOTSTRAPPED
$(error PostgreSQL's extension build files are not where '$(PG_CONFIG) --pgxs' says: set PG_CONFIG)
endif

.PHONY: all install uninstall installcheck clean $(BOOTSTRAP_GOALS)
all install uninstall installcheck:
	@echo "lpbm: '$(PG_CONFIG) --pgxs' names no file: run 'make deps' as root, or set PG_CONFIG" >&2; exit 1
clean:
	rm -rf build
$(BOOTSTRAP_GOALS):
	@scripts/dependencies
	@$(MAKE) --no-print-directory LPBM_BOOTSTRAPPED=1 $@
endif

.PHONY: deps
deps:
	@scripts/dependencies
