# SPDX-License-Identifier: MIT
#
# One Makefile for the whole tree. Sources are found by wildcard, so a new file
# needs no edit here. Everything built goes below build/; with SANITIZE=... it
# goes below build/san-..., with CROSS=... below build/NAME; they live side by side.
#
# In reading order: what a user may set, flags, sources, generated code, the
# library, programs, tests, what to do with it all (all, check, install, ...).

# ---- what a user may set ---------------------------------------------------

VERSION  = 0.1.0
PREFIX  ?= /usr/local## where `make install` puts things
DESTDIR ?=## prepended to PREFIX, for packaging
CFLAGS  ?= -O2 -g## optimisation and debugging
WERROR  ?= 1## 0: warnings do not stop the build
SANITIZE ?=## e.g. address,undefined: an instrumented build, next to the plain one
CROSS   ?=## aarch64: programs for that processor, by tests/support/cross, in build/aarch64
V       ?= 0## 1: show the commands
FUZZ    ?= $(FUZZ_NAMES)## which fuzzers `make fuzz` runs
FUZZ_TIME ?= 60## seconds for each of them

comma := ,
BUILD  = build$(if $(SANITIZE),/san-$(subst $(comma),-,$(SANITIZE)))$(CROSS:%=/%)
HOSTCC := $(CC)
ifneq ($(CROSS),)
CC     = tests/support/cross
WERROR = 0
endif
PKG    = $(shell pkg-config $1 2>/dev/null)

MAKEFLAGS += --no-print-directory --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL = all

Q   = $(if $(filter 1,$V),,@)
say = $(if $(filter 1,$V),,@printf '  %-5s %s\n' $1 $@)

# ---- flags -----------------------------------------------------------------

# An attribute that only gcc knows is no mistake; gcc reports what nobody knows.
WARNINGS = -Wall -Wextra $(if $(filter 1,$(WERROR)),-Werror) -Wshadow -Wvla \
	-Wundef -Wformat=2 -Wmissing-prototypes -Wstrict-prototypes \
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wcast-qual \
	-Wimplicit-fallthrough -Wno-missing-field-initializers \
	-Wno-unused-parameter -Wno-unknown-attributes

# Hardening that costs nothing; sanitizers do not go with _FORTIFY_SOURCE.
HARDEN = -fPIE -fstack-protector-strong $(if $(SANITIZE),, \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
SANFLAGS = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer \
	-fno-sanitize-recover=all)

CPPFLAGS_ALL := -I. -isystem build/gen -D_GNU_SOURCE \
	$(call PKG,--cflags libprotobuf-c) -DCRITTER_VERSION='"$(VERSION)"' \
	$(CROSS:%=-DCR_STATIC) $(CPPFLAGS)
CFLAGS_ALL   = -std=gnu11 $(CFLAGS) -fno-common -ffunction-sections \
	-fdata-sections $(HARDEN) $(SANFLAGS)
RELR        := $(findstring pack-relative-relocs, \
	$(shell $(CC) -Wl,--help 2>/dev/null | grep -e '-z pack-rel'))
LDFLAGS_ALL  = $(CFLAGS_ALL) $(if $(CROSS),-static-pie,-pie) -Wl,--gc-sections -Wl,--as-needed \
	-Wl,-z,relro,-z,now $(RELR:%=-Wl,-z,%) $(LDFLAGS)
COMPILE      = $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL)

# ---- sources ---------------------------------------------------------------

find    = $(sort $(shell find $1 -name '$2' $3 2>/dev/null))
objects = $(patsubst build/gen/%.c,$(BUILD)/obj/gen/%.o,$(filter build/gen/%,$1)) \
	$(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out build/gen/%,$1))

# restore/arch and lib/machine hold native code: the build takes the folder of its
# own machine, of lib/machine "other" where there is none.
MACHINE := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
NATIVE  := $(or $(patsubst lib/machine/%/,%,$(wildcard lib/machine/$(MACHINE)/)),other)

PROTOS      := $(wildcard images/*.proto)
LIB_SRC     := $(filter-out $(filter-out lib/machine/$(NATIVE)/%, \
	$(wildcard lib/machine/*/*.c)),$(call find,lib,*.c))
CRIT_SRC    := $(call find,crit,*.c)
RESTORE_SRC := $(filter-out $(filter-out restore/arch/$(MACHINE)/%, \
	$(wildcard restore/arch/*/*.c)),$(call find,restore,*.c))
SUPPORT_SRC := $(wildcard tests/support/*.c)
UNIT_SRC    := $(call find,tests/unit,*.c)
FUZZ_NAMES  := $(filter-out replay,$(patsubst tests/fuzz/%.c,%, \
	$(wildcard tests/fuzz/*.c)))
BENCH_SRC   := $(wildcard tests/bench/*.c)
HEADERS     := $(call find,lib,*.h,-o -name '*.def')

# ---- generated code: the same for every build, so it has one place ---------

# opts.proto holds the display options; only gen-hints and tests read those, so
# it and descriptor.proto stay out of the library.
GEN     := build/gen
GEN_C   := $(PROTOS:%.proto=$(GEN)/%.pb-c.c)
GEN_LIB := $(filter-out %/opts.pb-c.c,$(GEN_C)) $(GEN)/hints.c
GEN_H   := $(GEN_C:.c=.h) $(GEN)/google/protobuf/descriptor.pb-c.h
GOOGLE  := $(or $(call PKG,--variable=includedir protobuf),/usr/include)

$(GEN)/images/%.pb-c.c $(GEN)/images/%.pb-c.h: images/%.proto
	$(call say,GEN)
	@mkdir -p $(GEN)/images
	$Qprotoc-c --c_out=$(GEN)/images -I images -I $(GOOGLE) $<

$(GEN)/google/protobuf/%.pb-c.c $(GEN)/google/protobuf/%.pb-c.h:
	$(call say,GEN)
	@mkdir -p $(GEN)
	$Qprotoc-c --c_out=$(GEN) -I $(GOOGLE) google/protobuf/$*.proto

$(GEN)/images.ds: $(PROTOS)
	$(call say,GEN)
	@mkdir -p $(@D)
	$Qprotoc --include_imports --descriptor_set_out=$@ -I images -I $(GOOGLE) $^

HINTS_SRC := images/gen-hints.c $(GEN)/images/opts.pb-c.c \
	$(GEN)/google/protobuf/descriptor.pb-c.c

build/gen-hints: $(HINTS_SRC) $(GEN_H)
	$(call say,CC)
	$Q$(HOSTCC) -std=gnu11 -D_GNU_SOURCE -O1 -w -I. -I $(GEN) -I $(GEN)/images \
		$(HINTS_SRC) -o $@ $(call PKG,--cflags --libs libprotobuf-c)

$(GEN)/hints.c: build/gen-hints $(GEN)/images.ds
	$(call say,GEN)
	$Qbuild/gen-hints $(GEN)/images.ds >$@

# ---- compiling and linking -------------------------------------------------

# Two files that change when the compiler or its flags, or the list of sources
# changes: objects depend on the first, archives on the second.
define remember
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$1)' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$1)' >$@
endef

$(BUILD)/flags: FORCE
	$(call remember,$(COMPILE) $(WARNINGS) $(LDFLAGS_ALL))
$(BUILD)/sources: FORCE
	$(call remember,$(GEN_LIB) $(LIB_SRC) $(CRIT_SRC) $(RESTORE_SRC) $(SUPPORT_SRC))
FORCE:

$(BUILD)/obj/gen/%.o: $(GEN)/%.c $(BUILD)/flags | $(GEN_H)
	$(call say,CC)
	@mkdir -p $(@D)
	$Q$(COMPILE) -w -MD -MP -c $< -o $@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags | $(GEN_H)
	$(call say,CC)
	@mkdir -p $(@D)
	$Q$(COMPILE) $(WARNINGS) -MD -MP -c $< -o $@

# Makefile is there for what it lists by name. The q of `ar qcs` keeps two members of one name (lib/x/a.c, lib/y/a.c) apart.
%.a: $(BUILD)/sources Makefile
	$(call say,AR)
	@rm -f $@
	$Qar qcs $@ $(filter %.o,$^)

# A program is linked from its prerequisites, in their order, and its LIBS.
link = $Q$(CC) $(LDFLAGS_ALL) $(filter %.o %.a,$^) -o $@ $(LIBS)

# ---- the library and the programs ------------------------------------------

# LIBS is per program: only what it needs, since every library costs start-up.
PROTOBUF := $(call PKG,--libs libprotobuf-c)
LZ4      := $(call PKG,--libs liblz4)
JSON     := $(call PKG,--libs jansson)
NETTLE   := $(call PKG,--libs nettle)
ELF      := $(if $(CROSS),-lelf -lz)
LIB      := $(BUILD)/libcritter.a
MAINS    := crit/main.c restore/main.c

$(LIB): $(call objects,$(LIB_SRC) $(GEN_LIB))
$(BUILD)/crit.a: $(call objects,$(filter-out $(MAINS),$(CRIT_SRC)))
$(BUILD)/restore.a: $(call objects,$(filter-out $(MAINS),$(RESTORE_SRC)))
$(BUILD)/support.a: $(call objects,$(SUPPORT_SRC) $(GEN)/images/opts.pb-c.c)

$(BUILD)/crit: LIBS = $(PROTOBUF) $(LZ4) $(JSON) $(NETTLE) $(ELF)
$(BUILD)/crit: $(BUILD)/obj/crit/main.o $(BUILD)/crit.a $(LIB)
	$(call say,LINK)
	$(link)

# Its memory is that from which processes are forked, and is unmapped in each: what
# there is as an archive is linked into it.
archive = $(or $(filter /%,$(shell $(CC) -print-file-name=$(1:-l%=lib%.a))),$1)

# Options and the manual are written by what crit has for them.
$(BUILD)/crit-restore: LIBS := $(foreach l,$(PROTOBUF) $(LZ4) $(JSON) $(NETTLE),$(call archive,$l)) $(ELF)
$(BUILD)/crit-restore: $(BUILD)/obj/restore/main.o $(BUILD)/restore.a \
		$(BUILD)/crit.a $(LIB)
	$(call say,LINK)
	$(link)

PROGRAMS := $(BUILD)/crit $(if $(RESTORE_SRC),$(BUILD)/crit-restore)

# crit writes its own manual page and completions, from the list of verbs.
DOCS := $(BUILD)/crit.1 $(if $(RESTORE_SRC),$(BUILD)/crit-restore.1) \
	$(patsubst %,$(BUILD)/completion.%,bash zsh fish)

$(BUILD)/crit.1: $(BUILD)/crit
	$(call say,DOC)
	$Q$< help --man >$@

$(BUILD)/crit-restore.1: $(BUILD)/crit-restore
	$(call say,DOC)
	$Q$< --man >$@

$(BUILD)/completion.%: $(BUILD)/crit
	$(call say,DOC)
	$Q$< help --completion $* >$@

# ---- test programs: each .c is one -----------------------------------------

UNIT_BIN  := $(UNIT_SRC:%.c=$(BUILD)/%)
FUZZ_BIN  := $(FUZZ_NAMES:%=$(BUILD)/tests/fuzz/%)
BENCH_BIN := $(BENCH_SRC:%.c=$(BUILD)/%)

# A test of crit or restore sees their parts; a test of lib sees lib alone.
$(BUILD)/tests/unit/crit/%: PARTS = $(BUILD)/crit.a
$(BUILD)/tests/unit/restore/%: PARTS = $(BUILD)/restore.a

$(UNIT_BIN): LIBS = $(call PKG,--libs check libprotobuf-c liblz4 jansson nettle)
$(UNIT_BIN): $(BUILD)/%: $(BUILD)/obj/%.o $(BUILD)/support.a $(BUILD)/crit.a \
		$(BUILD)/restore.a $(LIB)
	$(call say,LINK)
	@mkdir -p $(@D)
	$Q$(CC) $(LDFLAGS_ALL) $< $(BUILD)/support.a $(PARTS) $(LIB) -o $@ $(LIBS)

# `make check` replays a corpus through each; `make fuzz` puts libFuzzer there.
FUZZ_MAIN = $(BUILD)/obj/tests/fuzz/replay.o
$(FUZZ_BIN): LIBS = $(PROTOBUF) $(LZ4) $(JSON) $(NETTLE) $(filter -fsanitize=%,$(FUZZ_MAIN))
$(FUZZ_BIN): $(BUILD)/%: $(BUILD)/obj/%.o $(filter %.o,$(FUZZ_MAIN)) \
		$(BUILD)/restore.a $(LIB)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(link)

$(BENCH_BIN): LIBS = $(PROTOBUF)
$(BENCH_BIN): $(BUILD)/%: $(BUILD)/obj/%.o $(LIB)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(link)

# ---- what to do with it all ------------------------------------------------

export BUILD RESULTS

# What runs in an emulated AArch64 machine is built for it, without sanitizers.
EMULATED = $(wildcard tests/conformance/vm.sh tests/conformance/host-probe.sh \
	tests/conformance/restore-vm*.sh tests/conformance/rekey-vm.sh \
	tests/conformance/rekey-rounds.sh tests/conformance/rekey-matrix.sh \
	examples/demo-rekey.sh)
TESTS = $(UNIT_BIN) $(FUZZ_BIN) $(filter-out $(if $(SANITIZE),$(EMULATED)), \
	$(wildcard tests/conformance/*.sh examples/*.sh)) $(patsubst %/cmd,%,$(wildcard tests/golden/*/*/cmd))

all: $(LIB) $(PROGRAMS) $(DOCS) ## Build the library and the programs (default)

check: all $(UNIT_BIN) $(FUZZ_BIN) ## Run every test (SANITIZE=address,undefined: instrumented)
	@tests/run $(TESTS)

lint: export LINT_COMPILE = $(COMPILE) $(WARNINGS)
lint: $(LIB) ## Check what a compiler does not: layers, headers, names, scripts
	@tests/run $(wildcard tests/lint/*.sh)

# The one gate. Each step leaves its counts in build/results.
test: ## Everything, as CI does: deps, all, lint, check, check with sanitizers
	@mkdir -p build && rm -f build/results
	@for step in deps all lint check 'SANITIZE=address,undefined check'; do \
		echo "== make $$step"; \
		$(MAKE) RESULTS=build/results $$step && continue; \
		printf 'fail\t1\tmake %s\n' "$$step" >>build/results; break; \
	done; tests/run --total build/results

demo: all ## Show, change and verify a real checkpoint
	@examples/demo.sh

demo-rekey: all ## Restore one checkpoint twice, with fresh keys: an emulated AArch64 machine
	@examples/demo-rekey.sh

bench: all $(BENCH_BIN) ## Build the benchmarks and print their table
	@if [ -x tests/bench/run ]; then tests/bench/run; fi

# Fuzzers are a build of their own, by clang: everything instrumented.
fuzz: ## Fuzz with libFuzzer (FUZZ=name, FUZZ_TIME=seconds)
	@$(MAKE) BUILD=build/fuzz CC=clang SANITIZE=fuzzer-no-link,address,undefined \
		FUZZ_MAIN=-fsanitize=fuzzer $(FUZZ:%=build/fuzz/tests/fuzz/%)
	@for name in $(FUZZ); do \
		echo "== fuzz $$name"; \
		mkdir -p build/fuzz/corpus/$$name build/fuzz/artifacts; \
		build/fuzz/tests/fuzz/$$name -max_total_time=$(FUZZ_TIME) \
			-timeout=25 -rss_limit_mb=2048 \
			$$(ls tests/fuzz/$$name.dict 2>/dev/null | sed s/^/-dict=/) \
			-artifact_prefix=build/fuzz/artifacts/$$name- \
			build/fuzz/corpus/$$name \
			$$(ls -d tests/fuzz/corpus/$$name 2>/dev/null) || exit; \
	done

TO  = $(DESTDIR)$(PREFIX)
BIN = $(notdir $(PROGRAMS))
PLACES = $(BIN:%=bin/%) lib/libcritter.a lib/pkgconfig/critter.pc \
	$(HEADERS:%=include/critter/%) share/man/man1/crit.1 share/man/man1/crit-restore.1 \
	share/bash-completion/completions/crit \
	share/zsh/site-functions/_crit \
	share/fish/vendor_completions.d/crit.fish

install: all ## Install below DESTDIR/PREFIX
	$Qfor f in $(BIN); do install -D -m 755 $(BUILD)/$$f $(TO)/bin/$$f || exit; done
	$Qfor f in $(HEADERS); do \
		install -D -m 644 $$f $(TO)/include/critter/$$f || exit; done
	$Qinstall -D -m 644 $(LIB) $(TO)/lib/libcritter.a
	$Qsed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' critter.pc.in \
		>$(BUILD)/critter.pc
	$Qinstall -D -m 644 $(BUILD)/critter.pc $(TO)/lib/pkgconfig/critter.pc
	$Qfor f in $(BIN); do \
		install -D -m 644 $(BUILD)/$$f.1 $(TO)/share/man/man1/$$f.1 || exit; done
	$Qinstall -D -m 644 $(BUILD)/completion.bash \
		$(TO)/share/bash-completion/completions/crit
	$Qinstall -D -m 644 $(BUILD)/completion.zsh $(TO)/share/zsh/site-functions/_crit
	$Qinstall -D -m 644 $(BUILD)/completion.fish \
		$(TO)/share/fish/vendor_completions.d/crit.fish

uninstall: ## Remove what install put there
	$Qrm -f $(PLACES:%=$(TO)/%)
	$Q! [ -d $(TO)/include/critter ] || \
		find $(TO)/include/critter -depth -type d -empty -delete

# Debian packages: to build, to run, to test, to lint and fuzz.
PACKAGES = gcc g++ libc6-dev make pkg-config \
	protobuf-compiler libprotobuf-dev protobuf-c-compiler libprotobuf-c-dev \
	liblz4-dev libarchive-dev libelf-dev libjansson-dev nettle-dev libreadline-dev \
	libarchive13 libelf1 libreadline8 \
	check criu jq python3 xz-utils cpio less gdb-multiarch elfutils binutils \
	shellcheck clang
# The fuzzer's runtime comes in a package named after the version of clang.
CLANG_RT = libclang-rt-$$(clang -dumpversion | cut -d. -f1)-dev

deps: ## Install what is missing (Debian packages, by apt-get)
	@as_root=; [ "$$(id -u)" = 0 ] || as_root=$$(command -v sudo); \
	need() { \
		missing=; \
		for p in "$$@"; do \
			dpkg-query -W -f='$${Status}' "$$p" 2>/dev/null | \
				grep -q 'ok installed' || missing="$$missing $$p"; \
		done; \
		[ -n "$$missing" ] || return 0; \
		command -v apt-get >/dev/null || { \
			echo "deps: no apt-get here; needed, by their Debian names:$$missing" >&2; \
			return 1; \
		}; \
		$$as_root apt-get update && DEBIAN_FRONTEND=noninteractive $$as_root \
			apt-get install -y --no-install-recommends $$missing; \
	}; \
	need $(PACKAGES) && need $(CLANG_RT)

clean: ## Remove everything built
	$Qrm -rf build

help: ## This list
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | \
		awk -F'\t' '{ printf "  %-10s %s\n", $$1, $$2 }'
	@echo 'Variables:'
	@sed -n 's/^\([A-Z_]*\) *?= *\(.*\)## \(.*\)/\1\t\3\t\2/p' Makefile | \
		awk -F'\t' '{ printf "  %-10s %s%s\n", $$1, $$2, $$3 ~ /^[^$$]/ ? " (" $$3 ")" : "" }'

.PHONY: all check lint test demo demo-rekey bench fuzz install uninstall deps clean help FORCE

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
