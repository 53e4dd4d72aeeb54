# The demo's shop and its basket server, built as a user would build them: with the header alone, nothing of ours linked.
DEMO_C := tests/demo/shop.c tests/demo/basket.c
DEMO_CFLAGS := -Wall -Wextra -g -O1 -Iinclude -pthread

.PHONY: demo-programs
demo-programs: $(B)/demo/shop $(B)/demo/basketd

$(B)/demo/shop: $(DEMO_C) tests/demo/basket.h include/reqscope.h | $(B)/demo/basketd
	@mkdir -p $(@D)
	$(CC) $(DEMO_CFLAGS) -o $@ $(DEMO_C)

$(B)/demo/basketd: tests/demo/basketd.c
	@mkdir -p $(@D)
	$(CC) $(DEMO_CFLAGS) -o $@ $<
