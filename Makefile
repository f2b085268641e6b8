# SPDX-License-Identifier: ISC
#
# make            programs in $(B)/bin            make check        everything that can be tested
# make check-unit [T=test_name] [V=1]             make check-fuzz   replay of the fuzz corpora
# make check-integration [T=NN-what]              make check-valgrind   the unit tests under valgrind
# make fuzz FUZZ_S=60                             make install DESTDIR= prefix=
# make lint       make bench [T=tlsproxy|tlsmgr|peers|gate] [FULL=1]
#
# Another build is another directory: make B=build/asan SAN=address,undefined check

B       = build
# One spelling for one directory: what objects depend on is kept by name.
override B := $(patsubst $(CURDIR)/%,%,$(abspath $(B)))
VERSION = 0.1.0

CC      ?= gcc
CLANG   ?= clang
OPT     ?= -O2 -g
SAN     ?=
WARN    = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla \
          -Wwrite-strings -Wundef -Wformat=2 -Wno-format-nonliteral

PKGS    = libcrypto libssl libevent_core libevent libidn2 jansson libunbound libpcre2-8
HARDEN  = -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
ifneq ($(SAN),)
HARDEN  = -fPIE
SANFLAGS = -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
CPPFLAGS += -D_GNU_SOURCE -Isrc -I$(B)/gen
CFLAGS  += -std=c11 $(OPT) $(WARN) $(HARDEN) $(SANFLAGS) -MMD -MP $(shell pkg-config --cflags $(PKGS))
LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SANFLAGS)
LIBS    = $(shell pkg-config --libs $(PKGS)) -ldb -llmdb

# Where things go when installed; the names are Postfix's.
prefix            ?= /usr/local
sbindir           ?= $(prefix)/sbin
mandir            ?= $(prefix)/share/man
command_directory ?= $(sbindir)
daemon_directory  ?= $(prefix)/lib/sealpost/sbin
config_directory  ?= /etc/postfix
queue_directory   ?= /var/spool/postfix
data_directory    ?= /var/lib/postfix
docdir            ?= $(prefix)/share/doc/sealpost

# A room is a folder under src. Rooms with a main.c are programs of that name.
LIB_ROOMS  = util mail tls tlspolicy tlscheck tlsprobe
PROG_ROOMS = $(patsubst src/%/main.c,%,$(wildcard src/*/main.c))
ROOMS      = $(LIB_ROOMS) $(PROG_ROOMS)

program_postfix-tls = postfix-tls-helper
program_of = $(or $(program_$(1)),$(1))

PROGRAMS = $(foreach r,$(PROG_ROOMS),$(B)/bin/$(call program_of,$(r)))
SCRIPTS  = $(patsubst src/postfix-tls/%.sh,$(B)/bin/%,$(wildcard src/postfix-tls/*.sh))

all: $(PROGRAMS) $(SCRIPTS)

objects_of = $(patsubst src/%.c,$(B)/obj/%.o,$(filter-out %/main.c,$(wildcard src/$(1)/*.c)))
archive_of = $(B)/lib/$(1).a

LIB_ARCHIVES = $(call archive_of,tlsprobe) $(call archive_of,tlscheck) $(call archive_of,tlspolicy) $(call archive_of,tls) $(call archive_of,mail) $(call archive_of,util)

config_h = printf '\#define %s "%s"\n' CONFIG_VERSION '$(VERSION)' CONFIG_COMMAND_DIRECTORY '$(command_directory)' \
  CONFIG_DAEMON_DIRECTORY '$(daemon_directory)' CONFIG_CONFIG_DIRECTORY '$(config_directory)' \
  CONFIG_QUEUE_DIRECTORY '$(queue_directory)' CONFIG_DATA_DIRECTORY '$(data_directory)'

# Programs know their directories. Other ones on the command line, that of make install too, build them anew.
$(B)/gen/config.h: FORCE
	@$(config_h) | cmp -s - $@ || { mkdir -p $(@D) && $(config_h) >$@; }

$(B)/obj/%.o: src/%.c | $(B)/gen/config.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

define ROOM
$(call archive_of,$(1)): $(call objects_of,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call ROOM,$(r))))

define PROGRAM
$(B)/bin/$(call program_of,$(1)): $(B)/obj/$(1)/main.o $(call archive_of,$(1)) $(LIB_ARCHIVES)
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS) -o $$@ $$^ $(LIBS)
endef
$(foreach r,$(PROG_ROOMS),$(eval $(call PROGRAM,$(r))))

$(B)/bin/%: src/postfix-tls/%.sh
	@mkdir -p $(@D)
	install -m 755 $< $@

# --- unit tests: a test links the rooms it includes and those below them ---

UNIT = $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZ = $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

rooms_in    = $(filter $(PROG_ROOMS),$(shell sed -n 's,^\#include "\([a-z-]*\)/.*,\1,p' $(1) | sort -u))
archives_in = $(foreach r,$(call rooms_in,$(1)),$(call archive_of,$(r))) $(LIB_ARCHIVES)

define UNIT_TEST
$(B)/unit/$(1): tests/unit/$(1).c $(call archives_in,tests/unit/$(1).c)
	@mkdir -p $$(@D)
	$(CC) $(CPPFLAGS) -Itests/unit $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -lcmocka $(LIBS)
endef
$(foreach t,$(UNIT),$(eval $(call UNIT_TEST,$(t))))

T ?=
check: check-unit check-fuzz check-integration

check-unit: $(addprefix $(B)/unit/,$(if $(filter test_%,$(T)),$(T),$(UNIT)))
	@sh tests/run-unit $(if $(V),-v) $^

check-valgrind: $(addprefix $(B)/unit/,$(if $(filter test_%,$(T)),$(T),$(UNIT)))
	@sh tests/run-unit -m $(if $(V),-v) $^

# --- fuzzing: the corpus replays without an engine; make fuzz uses clang's ---

define FUZZ_REPLAY
$(B)/fuzz/$(1): tests/fuzz/$(1).c tests/fuzz/replay.c $(call archives_in,tests/fuzz/$(1).c)
	@mkdir -p $$(@D)
	$(CC) $(CPPFLAGS) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) -o $$@ $$(filter %.c,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(LIBS)
endef
$(foreach t,$(FUZZ),$(eval $(call FUZZ_REPLAY,$(t))))

check-fuzz: $(addprefix $(B)/fuzz/,$(FUZZ))
	@sh tests/run-fuzz replay $(B)/fuzz $(FUZZ)

FUZZ_S ?= 60
fuzz:
	@sh tests/run-fuzz engine "$(CLANG)" $(B)/libfuzzer $(FUZZ_S) $(FUZZ)

# Tools of the integration tests that stand on the rooms; others are built by the tests.
$(B)/tools/%: tests/tools/%.c $(LIB_ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) -o $@ $< -Wl,--start-group $(LIB_ARCHIVES) -Wl,--end-group $(LIBS)

check-integration: all $(B)/tools/tls-engine
	@sh tests/run-integration $(B) $(T)

bench: all
	@FULL="$(FULL)" sh tests/bench/run $(B) $(T)

lint:
	@sh tools/lint $(B)

install: all
	@sh tools/install "$(B)" "$(DESTDIR)" "$(command_directory)" "$(daemon_directory)" "$(mandir)" "$(docdir)" "$(PROGRAMS) $(SCRIPTS)"

clean:
	rm -rf $(B)

.PHONY: all check check-unit check-valgrind check-fuzz check-integration fuzz bench lint install clean FORCE
.SECONDARY:
-include $(wildcard $(B)/obj/*/*.d)
