/* Connections of relay.c: accepting, reading, writing, losing. Nothing blocks; what a connection may hold is bounded. */
#pragma once
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CONNECTIONS 4096
#define MAX_BODY 65535        /* of a frame */
#define MAX_BEHIND (4 << 20)  /* bytes that wait for a connection that doesn't read */
#define READ_BYTES (256 * 1024)

typedef struct Connection Connection;
/* Takes what has come; returns how much of it is used up. The rest is kept, and comes again together with what follows. */
typedef size_t Take(Connection *c, unsigned char *data, size_t have);
struct Connection {
  int fd, is_dirty, is_behind, ends_all; /* ends_all: without it the process can't go on */
  uint32_t generation;
  Take *take;
  unsigned char *rest, *out;
  size_t rest_length, rest_room, out_length, out_room;
  struct Channel *channel; /* the one that a client is subscribed to */
  Connection *next, *prev; /* others of the channel */
};

static Connection connections[MAX_CONNECTIONS];
static Connection *dirty[MAX_CONNECTIONS];
static int dirty_count, epoll_fd, listener;
static unsigned char buffer[READ_BYTES];
static Take *take_first;               /* of a connection that was accepted */
static void (*on_lost)(Connection *c); /* before a connection is closed */

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  fprintf(stderr, "relay: ");
  vfprintf(stderr, format, values);
  fprintf(stderr, "\n");
  exit(1);
}

/* Bytes that grow up to `most`. 0: there is no room. */
static int reserve(unsigned char **bytes, size_t *room, size_t wanted, size_t most) {
  if (wanted > most) return 0;
  if (wanted <= *room) return 1;
  size_t grown = *room < 1024 ? 1024 : *room;
  while (grown < wanted) grown *= 2;
  unsigned char *moved = realloc(*bytes, grown);
  if (moved == NULL) fail("no memory for %zu bytes", grown);
  *bytes = moved;
  *room = grown;
  return 1;
}

static void lose(Connection *c, const char *why) {
  if (c->fd < 0) return;
  if (c->ends_all) fail("the connection to the middle process ended: %s", why);
  if (on_lost != NULL) on_lost(c);
  close(c->fd);
  free(c->rest);
  free(c->out);
  /* It may still stand in the list of those to be written to: that mark stays. */
  *c = (Connection){.fd = -1, .is_dirty = c->is_dirty, .generation = c->generation + 1};
}

/* Is written at the next flush_all: what one read brings to a connection leaves in one write. */
static void queue(Connection *c, const void *bytes, size_t length) {
  if (c->fd < 0) return;
  if (!reserve(&c->out, &c->out_room, c->out_length + length, MAX_BEHIND)) { lose(c, "it doesn't read"); return; }
  memcpy(c->out + c->out_length, bytes, length);
  c->out_length += length;
  if (c->is_dirty) return;
  c->is_dirty = 1;
  dirty[dirty_count++] = c;
}

static void flush(Connection *c) {
  if (c->fd < 0 || c->out_length == 0) return;
  ssize_t n = send(c->fd, c->out, c->out_length, MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN && errno != EINTR) { lose(c, strerror(errno)); return; }
  if (n > 0) memmove(c->out, c->out + n, c->out_length -= (size_t)n);
  int is_behind = c->out_length > 0;
  if (is_behind == c->is_behind) return;
  c->is_behind = is_behind;
  struct epoll_event wanted = {.events = EPOLLIN | (is_behind ? EPOLLOUT : 0), .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &wanted) < 0) fail("epoll_ctl: %s", strerror(errno));
}

static void flush_all(void) {
  for (int i = 0; i < dirty_count; i++) { dirty[i]->is_dirty = 0; flush(dirty[i]); }
  dirty_count = 0;
}

static void read_from(Connection *c) {
  if (c->rest_length > 0) memcpy(buffer, c->rest, c->rest_length);
  ssize_t n = read(c->fd, buffer + c->rest_length, sizeof buffer - c->rest_length);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) { lose(c, n == 0 ? "closed" : strerror(errno)); return; }
  size_t have = c->rest_length + (size_t)n, used = c->take(c, buffer, have);
  if (c->fd < 0) return;
  c->rest_length = have - used;
  if (c->rest_length == 0) return;
  if (!reserve(&c->rest, &c->rest_room, c->rest_length, 2 * MAX_BODY)) { lose(c, "its frame is too long"); return; }
  memcpy(c->rest, buffer + used, c->rest_length);
}

static Connection *connection_on(int fd, Take *take) {
  int i = 0, one = 1;
  while (i < MAX_CONNECTIONS && connections[i].fd >= 0) i++;
  if (i == MAX_CONNECTIONS) return NULL;
  Connection *c = &connections[i];
  c->fd = fd;
  c->take = take;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &wanted) < 0) fail("epoll_ctl: %s", strerror(errno));
  return c;
}

static void accept_one(void) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) return;
  if (fd < 0) fail("accept: %s", strerror(errno));
  if (connection_on(fd, take_first) != NULL) return;
  static const char full[] = "HTTP/1.1 503 More than 4096 connections\r\n\r\n";
  send(fd, full, sizeof full - 1, MSG_NOSIGNAL);
  close(fd);
}

static void start(int port, Take *first, void (*lost)(Connection *)) {
  int one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (int i = 0; i < MAX_CONNECTIONS; i++) connections[i].fd = -1;
  take_first = first;
  on_lost = lost;
  epoll_fd = epoll_create1(0);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) fail("port %d: %s", port, strerror(errno));
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &wanted) < 0) fail("epoll_ctl: %s", strerror(errno));
}

/* Serves for ever. `end_read` follows each read, `end_turn` all reads of a turn. */
__attribute__((noreturn)) static void serve(void (*end_read)(void), void (*end_turn)(void)) {
  struct epoll_event events[64];
  printf("listening\n");
  fflush(stdout);
  for (;;) {
    int n = epoll_wait(epoll_fd, events, 64, -1);
    if (n < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < n; i++) {
      Connection *c = events[i].data.ptr;
      if (c == NULL) { accept_one(); continue; }
      if (c->fd >= 0 && events[i].events & EPOLLOUT) flush(c);
      if (c->fd >= 0 && events[i].events & ~EPOLLOUT) read_from(c);
      if (end_read != NULL) end_read();
    }
    if (end_turn != NULL) end_turn();
  }
}
