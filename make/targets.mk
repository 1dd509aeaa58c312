# Included last by the Makefile: what is not building and installing. Each goal works on a fresh machine.
ifndef LPBM_BOOTSTRAP
export PG_CONFIG
.PHONY: demo test test-versions check unit e2e format tidy fuzz search search-planted bench

# The story on a temporary server of its own: back up, destroy, restore, compare.
demo: deps
	@scripts/demo

# All that a change must pass. STAGES="unit e2e" selects, TESTS="001_story" selects among the end-to-end tests.
test: deps
	@scripts/test $(STAGES)
check: test
# A shorter set on PostgreSQL 16, 17 and 18, which scripts/versions brings, and restores from each version into newer ones.
test-versions: deps
	@scripts/test-versions $(VERSIONS)
unit: deps
	@scripts/test unit
e2e: deps
	@scripts/test e2e

# Formats all sources in place.
format: deps
	@scripts/sources | xargs clang-format-14 -i
# clang-tidy over everything; `test` looks only at what changed of late.
tidy: deps
	@scripts/test tidy-all

# Prints figures beside what one would use without lpbm. BENCH="--quick tps" goes to bench/run.py.
bench: deps
	@scripts/bench $(BENCH)

# WORKLOADS random workloads from SEED on; docs/testing.md. SEARCH goes to test/fidelity/search.py.
search: deps
	@scripts/search --workloads $(or $(WORKLOADS),1000) --seed $(or $(SEED),1) $(SEARCH)
# That the search finds bugs: each of test/fidelity/planted is built and searched for. PLANTED=name selects.
search-planted: deps
	@scripts/search-planted $(PLANTED)

# FUZZ_SECONDS for each target.
fuzz: deps
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-300} scripts/test fuzz
endif
