/*
 * What the processes of relay.c say to each other: frames of u32 length of the body, u32 `who`, body. A node has two connections to the
 * middle process, as a gateway has to Redis: commands with their answers (no body, `who` as it came), and what is pushed to it.
 */
#pragma once
#include "relay-sockets.h"

#define LINK_HEAD 8
#define COMMANDS 'c' /* the first byte of a connection says which of the two it is; the middle process says it back */
#define PUSHES 'p'

static void link_head(unsigned char *head, uint32_t length, uint32_t who) {
  memcpy(head, &length, 4);
  memcpy(head + 4, &who, 4);
}

/* Calls `on_frame` for each whole frame. Returns how much that was. */
static size_t take_links(Connection *c, unsigned char *data, size_t have, void (*on_frame)(Connection *, const unsigned char *, uint32_t, uint32_t)) {
  size_t at = 0;
  while (c->fd >= 0 && have - at >= LINK_HEAD) {
    uint32_t length, who;
    memcpy(&length, data + at, 4);
    memcpy(&who, data + at + 4, 4);
    if (length > MAX_BODY) fail("a frame of %u bytes between the processes", length);
    if (have - at < LINK_HEAD + length) break;
    on_frame(c, data + at, length, who);
    at += LINK_HEAD + length;
  }
  return at;
}
