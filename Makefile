# make, make install, make installcheck: as with any extension (PGXS); PG_CONFIG= selects the server.
# make demo, make test and more: make/targets.mk. The engine is built by CMake into build/engine.
include make/bootstrap.mk

ifndef LPBM_BOOTSTRAP
EXTENSION = lpbm
MODULE_big = lpbm
DATA = $(wildcard sql/lpbm--*.sql)
# C for PostgreSQL's world; of the engine only what is behind a C face and never throws across it.
SOURCES = $(sort $(wildcard src/extension/*.c src/extension/*.cpp)) src/engine/schedule/cron.cpp src/engine/schedule/cron_c.cpp
# A folder of objects for each PostgreSQL, so that those of one are never linked for another.
OBJECTS = build/extension/$(PG_VERSION)
OBJS = $(patsubst %,$(OBJECTS)/%.o,$(basename $(SOURCES)))
PG_CPPFLAGS = -I$(CURDIR)/src/engine -I$(CURDIR)/src/extension
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Werror
PG_CXXFLAGS = -std=c++20 -fvisibility=hidden
SHLIB_LINK = -lstdc++ -lcrypto
REGRESS = $(filter-out lpbm--%,$(sort $(basename $(notdir $(wildcard sql/*.sql)))))
# On a temporary server, since the library must be preloaded; as any user but root.
REGRESS_OPTS = --temp-instance=tmp_check/regress --temp-config=sql/regress.conf --port=$(or $(REGRESS_PORT),54379)
override CONTRIB_TESTDB = regression
EXTRA_CLEAN = build

# No bitcode: nothing here is worth inlining into a query.
override with_llvm = no
include $(PGXS)

$(OBJS): $(wildcard src/extension/*.h src/engine/schedule/*.h)
$(OBJECTS)/%.o: %.c
	@$(MKDIR_P) $(@D)
	$(COMPILE.c) -o $@ $<
$(OBJECTS)/%.o: %.cpp
	@$(MKDIR_P) $(@D)
	$(COMPILE.cc) -o $@ $<

# lpbm.so lies where PGXS wants it; it is linked anew when another PostgreSQL's turn has come.
LINKED_FOR = build/extension/linked-for
ifneq ($(shell cat $(LINKED_FOR) 2>/dev/null),$(PG_VERSION))
$(shell mkdir -p build/extension && echo '$(PG_VERSION)' >$(LINKED_FOR))
endif
$(shlib): $(LINKED_FOR)

all: engine
install: install-engine
uninstall: uninstall-engine

.PHONY: engine install-engine uninstall-engine
engine:
	@cmake -S . -B build/engine $(if $(shell command -v ninja),-G Ninja) -DCMAKE_BUILD_TYPE=RelWithDebInfo >build-engine.log \
	  2>&1 || { cat build-engine.log; rm -f build-engine.log; exit 1; }
	@rm -f build-engine.log
	cmake --build build/engine --target lpbm

install-engine: engine
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) build/engine/lpbm '$(DESTDIR)$(bindir)/lpbm'

uninstall-engine:
	rm -f '$(DESTDIR)$(bindir)/lpbm'
endif

include make/targets.mk
