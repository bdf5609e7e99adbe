# make demo        installs what is missing, builds, and shows one mount from end to end
# make test        every test: format, rooms, units, and the system tests as an ordinary user
# make build       the programs, release build
# make appliance   the guest kernel and its initial file system, cached by hash
# make lint        swift format, strict
# make install     the programs and the man page; PREFIX=/usr/local by default
# make clean       removes .build; the cached guest kernel stays
#
# KERNEL=distro uses Debian's ready User-Mode Linux kernel instead of building our own.

KERNEL ?= own
PREFIX ?= /usr/local
SWIFT ?= swift
BIN := .build/release

.PHONY: demo test build appliance lint install clean packages unit-tests system-tests

demo:
	@scripts/install-packages build run demo $(if $(filter own,$(KERNEL)),kernel)
	@$(MAKE) --no-print-directory build
	scripts/demo $(BIN)/causeway $(KERNEL)

test: packages lint unit-tests system-tests

packages:
	@scripts/install-packages

build:
	@scripts/install-packages build
	$(SWIFT) build -c release --product causeway
	$(SWIFT) build -c release --product causeway-guest
	$(SWIFT) build -c release --product causeway-guest-blocks

appliance: build
	@scripts/install-packages $(filter-out distro,$(KERNEL:own=kernel)) run
	$(BIN)/causeway appliance build --kernel $(KERNEL)

lint:
	$(SWIFT) format lint --strict --parallel --recursive \
		--configuration .swift-format Package.swift Sources Tests TestKit

unit-tests:
	$(SWIFT) build --build-tests --explicit-target-dependency-import-check error
	SWIFT=$(SWIFT) scripts/unit-tests

system-tests: build
	KERNEL=$(KERNEL) scripts/system-tests

install: build
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $(BIN)/causeway $(BIN)/causeway-guest $(BIN)/causeway-guest-blocks \
		$(DESTDIR)$(PREFIX)/bin/
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	scripts/manual $(BIN)/causeway >$(DESTDIR)$(PREFIX)/share/man/man1/causeway.1

clean:
	rm -rf .build
