/* The middle process of relay.c, in the place of Redis: each command is appended to a file, pushed to every node, and answered. */
#pragma once
#include "relay-links.h"

#define MAX_NODES 4

static Connection *nodes[MAX_NODES];
static int node_count, file;
static unsigned char *written;
static size_t written_length, written_room;

/* One write a turn; the kernel may keep it for as long as it likes. */
static void append_written(void) {
  for (size_t at = 0; at < written_length;) {
    ssize_t n = write(file, written + at, written_length - at);
    if (n < 0 && errno != EINTR) fail("the file: %s", strerror(errno));
    if (n > 0) at += (size_t)n;
  }
  written_length = 0;
}

static void on_command(Connection *c, const unsigned char *frame, uint32_t length, uint32_t who) {
  unsigned char answer[LINK_HEAD];
  if (!reserve(&written, &written_room, written_length + LINK_HEAD + length, MAX_BEHIND)) fail("more than %d bytes in one turn", MAX_BEHIND);
  memcpy(written + written_length, frame, LINK_HEAD + length);
  written_length += LINK_HEAD + length;
  for (int i = 0; i < node_count; i++) queue(nodes[i], frame, LINK_HEAD + length);
  link_head(answer, 0, who);
  queue(c, answer, sizeof answer);
}

static size_t take_commands(Connection *c, unsigned char *data, size_t have) { return take_links(c, data, have, on_command); }

static size_t take_kind(Connection *c, unsigned char *data, size_t have) {
  if (have > 1 || (data[0] != COMMANDS && data[0] != PUSHES)) { lose(c, "not a node"); return 0; }
  if (data[0] == PUSHES && node_count == MAX_NODES) fail("more than %d nodes", MAX_NODES);
  if (data[0] == PUSHES) nodes[node_count++] = c;
  c->take = take_commands;
  queue(c, data, 1);
  return 1;
}

static void node_lost(Connection *c) {
  for (int i = 0; i < node_count; i++) if (nodes[i] == c) { nodes[i] = nodes[--node_count]; return; }
}

/* As Redis does it: first the file, then what waits for each connection. */
static void end_middle_turn(void) {
  append_written();
  flush_all();
}

__attribute__((noreturn)) static void run_middle(int port, const char *path) {
  file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (file < 0) fail("%s: %s", path, strerror(errno));
  start(port, take_kind, node_lost);
  serve(NULL, end_middle_turn);
}
