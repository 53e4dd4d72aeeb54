# Real servers, bare and guarded (tests/each.sh): SERVERS='redis nginx' takes some, QUICK=1 makes the loads smaller. Their packages
# are the set `servers` of tools/deps.sh.
SERVERS ?= redis nginx postgres apache haproxy memcached php-fpm gunicorn nodejs
.PHONY: deps-servers servers
deps-servers:
	@$(if $(NODEPS),:,tools/deps.sh servers)

servers: deps-servers all
	@QUICK=$(QUICK) tests/each.sh servers $(SERVERS)
