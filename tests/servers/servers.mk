# Real servers, bare and guarded (run.sh): SERVERS='redis nginx' takes some, QUICK=1 makes the loads smaller. Their packages
# are the set `servers` of tools/deps.sh.
.PHONY: deps-servers servers
deps-servers:
	@$(if $(NODEPS),:,tools/deps.sh servers)

servers: deps-servers all
	@QUICK=$(QUICK) tests/servers/run.sh $(SERVERS)
