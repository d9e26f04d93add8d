# SPDX-License-Identifier: Apache-2.0
#
# One Makefile for everything. `make help` lists the targets.
#
#   make DEBUG=1                     no optimisation, assertions
#   make SAN=address,undefined       with sanitizers (SAN=thread too); the shim is built without
#   make COVERAGE=1 V=1              coverage counters; print commands

CC ?= gcc
CLANG ?= clang
PREFIX ?= /usr/local
DESTDIR ?=
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')

comma := ,
VARIANT := $(if $(DEBUG),-debug)$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(COVERAGE),-coverage)
OUT ?= build$(VARIANT)
GEN := $(OUT)/gen

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wundef
OPT := $(if $(DEBUG),-O0 -g3,-O2 -g)
CFLAGS += -std=gnu11 $(OPT) $(WARN) -fno-omit-frame-pointer -ffile-prefix-map=$(CURDIR)=. $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=undefined) $(if $(FUZZING),-fsanitize=fuzzer-no-link) $(if $(COVERAGE),--coverage)
CPPFLAGS += -D_GNU_SOURCE -I. -I$(GEN) $(if $(DEBUG),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
LDFLAGS += $(if $(SAN),-fsanitize=$(SAN)) $(if $(COVERAGE),--coverage)
DEPS := -lbpf -lelf -lz -lzstd -lprotobuf-c -lsqlite3 -lcapstone -lsupc++ -lnghttp2 -lyaml -lbrotlidec -lbrotlicommon
SYSTEM := -lm -lpthread -ldl
LDLIBS := $(DEPS) $(SYSTEM)

# The shim needs libc alone: no default libraries, every symbol resolved in the process it enters.
# TLS descriptors are gcc's in every version; clang has them from 19 on.
SHIM_CC ?= gcc
SHIM_CFLAGS := -std=gnu11 $(if $(DEBUG),-O1,-O2) -g $(WARN) -fPIC -fvisibility=hidden -mtls-dialect=gnu2 -ftls-model=global-dynamic \
	-ffile-prefix-map=$(CURDIR)=. -fno-stack-protector -fno-builtin -fno-plt -fasynchronous-unwind-tables -fcf-protection=branch -fno-omit-frame-pointer -fno-reorder-blocks-and-partition
SHIM_CPPFLAGS := -D_GNU_SOURCE -I. -I$(GEN) -U_FORTIFY_SOURCE
SHIM_LDFLAGS := -shared -nostdlib -Wl,-soname,libragtime.so -Wl,-z,relro,-z,now -Wl,--hash-style=both -Wl,--build-id

CORE_SRC := $(sort $(foreach d,$(wildcard lib protocols loader decoder analysis),$(shell find $(d) -name "*.c")))
SHIM_SRC := $(sort $(foreach d,$(wildcard preload),$(shell find $(d) -name "*.c" -o -name "*.S")))
BPF_SRC := $(sort $(wildcard bpf/*.bpf.c))
EMBED := wire/schema.sql wire/schema_index.sql wire/trace.proto wire/output.schema.json $(sort $(wildcard data/*.yaml data/*.rules data/packs/*.yaml wire/migrations/*.sql analysis/views/html/*))
CORE_OBJ := $(CORE_SRC:%.c=$(OUT)/obj/%.o) $(OUT)/obj/gen/trace_raw.pb-c.o $(OUT)/obj/gen/embedded.o
SHIM_OBJ := $(patsubst %,$(OUT)/shim/%.o,$(basename $(SHIM_SRC)))
BPF_OBJ := $(BPF_SRC:%.c=$(OUT)/%.o)
UNIT := $(patsubst tests/unit/%.c,$(OUT)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZ := $(patsubst tests/fuzz/%.c,$(OUT)/tests/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
PROGRAMS := $(patsubst tests/programs/%,$(OUT)/programs/%,$(basename $(sort $(wildcard tests/programs/*.c tests/programs/*.cc))))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all deps demo test test-full test-kernels regold score bench lint format install uninstall dist clean help tests fuzzers docs-tables

all: $(OUT)/ragtime $(OUT)/libragtime.so $(OUT)/ragtime-node.cjs ## build everything into build/

# All of it, so that two functions of one name are an error and not a surprise.
WHOLE = -Wl,--whole-archive $(OUT)/libcore.a -Wl,--no-whole-archive

$(OUT)/ragtime: $(OUT)/obj/main.o $(OUT)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(WHOLE) $(LDLIBS)

# For a machine that has none of our dependencies: libc alone is taken from it.
$(OUT)/ragtime-static: $(OUT)/obj/main.o $(OUT)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(WHOLE) -Wl,-Bstatic $(DEPS) -Wl,-Bdynamic $(SYSTEM)

$(OUT)/libcore.a: $(CORE_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(OUT)/obj/%.o: %.c | $(GEN)/trace_raw.pb-c.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/obj/gen/%.o: $(GEN)/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -w -c -o $@ $<

# The writer and the reader see the packed columns of trace.proto as bytes: the same wire format.
$(GEN)/trace_raw.proto: wire/trace.proto
	$(Q)mkdir -p $(GEN)
	$(Q)sed -E 's/repeated +(uint32|uint64|sint64) +([a-z_]+ = [0-9]+) \[packed = true\]/bytes \2/; s/^package .*/package ragtime.raw;/' $< > $@

$(GEN)/trace_raw.pb-c.h: $(GEN)/trace_raw.pb-c.c ;
$(GEN)/trace_raw.pb-c.c: $(GEN)/trace_raw.proto
	$(call say,PROTOC,$<)
	$(Q)protoc-c --proto_path=$(GEN) --c_out=$(GEN) $<

$(GEN)/embedded.c: $(EMBED) $(BPF_OBJ) lib/embed.sh Makefile
	$(call say,EMBED,$@)
	$(Q)mkdir -p $(GEN) && sh lib/embed.sh $(EMBED) $(foreach o,$(BPF_OBJ),$(o:$(OUT)/%=%)=$(o)) > $@

$(OUT)/libragtime.so: $(SHIM_OBJ)
	$(call say,LINK,$@)
	$(Q)$(SHIM_CC) $(SHIM_LDFLAGS) -o $@ $(SHIM_OBJ)

# Node reads it as a file, beside the shim.
$(OUT)/ragtime-node.cjs: preload/node/hook.cjs
	$(call say,COPY,$@)
	$(Q)mkdir -p $(@D) && cp $< $@

$(OUT)/shim/%.o: %.c
	$(call say,SHIM,$<)
	$(Q)mkdir -p $(@D) && $(SHIM_CC) $(SHIM_CPPFLAGS) $(SHIM_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/shim/%.o: %.S
	$(call say,SHIM,$<)
	$(Q)mkdir -p $(@D) && $(SHIM_CC) $(SHIM_CPPFLAGS) $(SHIM_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/bpf/%.o: bpf/%.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) -O2 -g -target bpf -D__TARGET_ARCH_x86 -I. -idirafter /usr/include/$(shell $(CC) -print-multiarch) -Wall -Werror -MMD -MP -MT $@ -c -o $@ $<

fuzzers: $(FUZZ)

tests: $(UNIT) $(FUZZ) $(PROGRAMS) $(OUT)/tests/make_trace

$(OUT)/tests/%: tests/unit/%.c tests/unit/unit.h $(OUT)/libcore.a
	$(call say,TEST,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(OUT)/libcore.a $(LDLIBS)

# With CC=clang FUZZ=1 a libFuzzer binary, else a main that replays files.
$(OUT)/tests/%: tests/fuzz/%.c tests/fuzz/replay.c $(OUT)/libcore.a
	$(call say,FUZZ,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(if $(FUZZING),-fsanitize=fuzzer) -MMD -MP -MF $@.d -o $@ $< $(if $(FUZZING),,tests/fuzz/replay.c) $(OUT)/libcore.a $(LDLIBS)

$(OUT)/programs/%: tests/programs/%.c
	$(call say,PROGRAM,$<)
	$(Q)mkdir -p $(@D) && gcc -D_GNU_SOURCE -O1 -g -Wall -I. -MMD -MP -MF $@.d $(shell sed -n 's/^.*flags: *\(.*\) \*\/$$/\1/p' $<) -o $@ $< -lpthread -ldl

$(OUT)/programs/%: tests/programs/%.cc
	$(call say,PROGRAM,$<)
	$(Q)mkdir -p $(@D) && g++ -O1 -g -Wall -I. -MMD -MP -MF $@.d $(shell sed -n 's/^.*flags: *\(.*\) \*\/$$/\1/p' $<) -o $@ $< -lpthread -ldl

deps: ## install what is missing through the distribution's packages
	$(Q)sh tests/deps.sh

demo: deps all ## trace a small real RAG program and show its tree and report
	$(Q)sh tests/demo/demo.sh $(OUT)

test: deps all tests ## everything quick
	$(Q)sh tests/run.sh $(OUT) quick

test-full: deps all tests ## also the long suites; resumable
	$(Q)sh tests/run.sh $(OUT) full

test-kernels: all ## load the programs on other kernels, in an emulated machine
	$(Q)sh tests/kernels/run.sh $(OUT)

regold: all ## rewrite what the golden tests expect
	$(Q)REGOLD=1 sh tests/run.sh $(OUT) quick golden-views
	$(Q)git diff --stat -- tests/golden/expect

bench: deps all ## ours, the floor and the peers in one table
	$(Q)sh tests/bench/deps.sh
	$(Q)python3 tests/bench/bench.py --build $(OUT)

score: deps all ## span trees against the programs' own logs, under every runtime that is here
	$(Q)python3 tests/truth/score.py $(OUT) full

lint: ## layout, formatting, registries, sizes
	$(Q)sh tests/lint/lint.sh

format: ## rewrite the sources by .clang-format
	$(Q)git ls-files '*.c' '*.h' '*.cc' | xargs clang-format -i

docs-tables: ## copy the tables that tests and benchmarks wrote into docs/
	$(Q)cp -v $(OUT)/tables/*.md docs/

install: all ## install under PREFIX (default /usr/local); DESTDIR is honoured
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/ragtime $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/ragtime
	install -m 755 $(OUT)/ragtime $(DESTDIR)$(PREFIX)/bin/ragtime
	install -m 755 $(OUT)/libragtime.so $(DESTDIR)$(PREFIX)/lib/ragtime/libragtime.so
	install -d $(DESTDIR)$(PREFIX)/include
	install -m 644 api/ragtime.h $(DESTDIR)$(PREFIX)/include/ragtime.h
	install -m 644 api/ragtime.py api/ragtime.mjs $(DESTDIR)$(PREFIX)/share/ragtime/
	install -m 644 $(OUT)/ragtime-node.cjs $(DESTDIR)$(PREFIX)/lib/ragtime/ragtime-node.cjs
	install -m 644 docs/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/ragtime $(DESTDIR)$(PREFIX)/include/ragtime.h $(DESTDIR)$(PREFIX)/share/man/man1/ragtime*.1
	rm -rf $(DESTDIR)$(PREFIX)/lib/ragtime $(DESTDIR)$(PREFIX)/share/ragtime

dist: all $(OUT)/ragtime-static ## one tarball with its dependencies linked in
	$(Q)sh tests/dist.sh $(OUT)

clean: ## remove build outputs
	rm -rf build build-* dist

help: ## this list
	$(Q)sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

-include $(CORE_OBJ:.o=.d) $(OUT)/obj/main.d $(SHIM_OBJ:.o=.d) $(BPF_OBJ:.o=.d) $(UNIT:=.d) $(FUZZ:=.d) $(PROGRAMS:=.d)
