/* basket.h: what the shop asks its basket server. */
#ifndef SHOP_BASKET_H
#define SHOP_BASKET_H

#include <stddef.h>

enum basket_outcome {
    BASKET_FOUND,     /* the answer is there */
    BASKET_CANCELLED, /* our client went away while we waited */
    BASKET_FAILED     /* no answer can be had; errno says why */
};

/* Where the basket server is, and whether all requests share one connection to it. Call once, before the first request.
 */
void basket_configure(int port, int shared);

/* Asks for `user`'s basket on behalf of the requester on socket `client`, for which `label` stands in the shop's log.
 */
enum basket_outcome basket_ask(const char *user, int client, const char *label, char *answer, size_t size);

#endif
