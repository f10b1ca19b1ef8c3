/* A node of relay.c, in the place of a gateway: clients on one side, the middle process on the other. */
#pragma once
#include "relay-links.h"

#define MAX_NAME 120
#define CHANNELS 16384 /* places in the table, a power of two; at most half of them are taken */
#define MAX_UPGRADE 4096
#define TEXT_FRAME 0x81
#define CLOSE_OPCODE 8

typedef struct Channel {
  char name[MAX_NAME];
  size_t length; /* 0: free */
  Connection *first;
} Channel;

static Channel channels[CHANNELS];
static int channel_count;
static Connection *commands;

/* Where the channel is, or would be. */
static Channel *channel_at(const unsigned char *name, size_t length) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < length; i++) hash = (hash ^ name[i]) * 16777619u;
  Channel *channel = &channels[hash % CHANNELS];
  while (channel->length > 0 && (channel->length != length || memcmp(channel->name, name, length) != 0))
    channel = channel == &channels[CHANNELS - 1] ? channels : channel + 1;
  return channel;
}

static size_t frame_head(unsigned char *head, size_t length) {
  head[0] = TEXT_FRAME;
  head[1] = (unsigned char)(length < 126 ? length : 126);
  if (length < 126) return 2;
  head[2] = (unsigned char)(length >> 8);
  head[3] = (unsigned char)length;
  return 4;
}
static void send_text(Connection *c, const char *text) {
  unsigned char head[4];
  queue(c, head, frame_head(head, strlen(text)));
  queue(c, text, strlen(text));
}
static void refuse(Connection *c, const char *why) {
  char text[200];
  snprintf(text, sizeof text, "{\"error\":\"relay: %s\"}", why);
  send_text(c, text);
  flush(c);
  lose(c, why);
}

static void subscribe(Connection *c, const unsigned char *name, size_t length) {
  Channel *channel = channel_at(name, length);
  if (c->channel != NULL) { refuse(c, "a connection has one channel"); return; }
  if (channel->length == 0) {
    if (channel_count == CHANNELS / 2) { refuse(c, "too many channels"); return; }
    channel_count++;
    memcpy(channel->name, name, channel->length = length);
  }
  c->channel = channel;
  c->next = channel->first;
  if (c->next != NULL) c->next->prev = c;
  channel->first = c;
  send_text(c, "ok");
}
static void client_lost(Connection *c) {
  if (c->channel == NULL) return;
  if (c->prev != NULL) c->prev->next = c->next; else c->channel->first = c->next;
  if (c->next != NULL) c->next->prev = c->prev;
}

/* `<channel>` subscribes, `<channel> <payload>` publishes. */
static void on_text(Connection *c, const unsigned char *text, size_t length) {
  unsigned char head[LINK_HEAD], *space = memchr(text, ' ', length);
  size_t name_length = space == NULL ? length : (size_t)(space - text);
  if (name_length == 0 || name_length > MAX_NAME) { refuse(c, "a channel has 1 to 120 bytes"); return; }
  if (space == NULL) { subscribe(c, text, length); return; }
  link_head(head, (uint32_t)length, (uint32_t)(c - connections) + MAX_CONNECTIONS * c->generation);
  queue(commands, head, sizeof head);
  queue(commands, text, length);
}

static size_t take_frames(Connection *c, unsigned char *data, size_t have) {
  size_t at = 0;
  while (c->fd >= 0 && have - at >= 2) {
    unsigned char *p = data + at;
    size_t length = p[1] & 127, head = length == 126 ? 8 : 6;
    if ((p[0] & 15) == CLOSE_OPCODE) { lose(c, "it left"); break; }
    if (p[0] != TEXT_FRAME || (p[1] & 128) == 0 || length == 127) { refuse(c, "not a masked text frame of at most 65535 bytes"); break; }
    if (have - at < head) break;
    if (head == 8) length = (size_t)p[2] << 8 | p[3];
    if (have - at < head + length) break;
    for (size_t i = 0; i < length; i++) p[head + i] ^= p[head - 4 + (i & 3)];
    on_text(c, p + head, length);
    at += head + length;
  }
  return at;
}

static size_t take_upgrade(Connection *c, unsigned char *data, size_t have) {
  /* The load's key is always the same, and so is what has to be answered. */
  static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: niSgDtcZybH3HsXVgB+CXzAY4Xk=\r\n\r\n";
  unsigned char *end = memmem(data, have, "\r\n\r\n", 4);
  if (end == NULL && have <= MAX_UPGRADE) return 0;
  if (end == NULL || memcmp(data, "GET ", 4) != 0) { lose(c, "not an upgrade"); return 0; }
  size_t used = (size_t)(end - data) + 4;
  queue(c, answer, sizeof answer - 1);
  c->take = take_frames;
  return used + take_frames(c, data + used, have - used);
}

static void on_answer(Connection *middle, const unsigned char *frame, uint32_t length, uint32_t who) {
  (void)middle, (void)frame, (void)length;
  Connection *c = &connections[who % MAX_CONNECTIONS];
  if (c->generation % (UINT32_MAX / MAX_CONNECTIONS + 1) == who / MAX_CONNECTIONS) send_text(c, "+");
}
static void on_push(Connection *middle, const unsigned char *frame, uint32_t length, uint32_t who) {
  (void)middle, (void)who;
  const unsigned char *text = frame + LINK_HEAD, *space = memchr(text, ' ', length);
  unsigned char head[4];
  if (space == NULL) fail("a message without a channel");
  size_t head_length = frame_head(head, length);
  for (Connection *c = channel_at(text, (size_t)(space - text))->first, *next; c != NULL; c = next) {
    next = c->next; /* before it is lost */
    queue(c, head, head_length);
    queue(c, text, length);
  }
}
static size_t take_answers(Connection *c, unsigned char *data, size_t have) { return take_links(c, data, have, on_answer); }
static size_t take_pushes(Connection *c, unsigned char *data, size_t have) { return take_links(c, data, have, on_push); }

/* Before anything is served: it may wait. */
static Connection *link_to(int port, char kind, Take *take) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("port %d: %s", port, strerror(errno));
  char said = 0;
  if (write(fd, &kind, 1) != 1 || read(fd, &said, 1) != 1 || said != kind) fail("port %d is not a middle process", port);
  if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) fail("fcntl: %s", strerror(errno));
  Connection *c = connection_on(fd, take);
  c->ends_all = 1;
  return c;
}

__attribute__((noreturn)) static void run_node(int port, int middle_port) {
  start(port, take_upgrade, client_lost);
  commands = link_to(middle_port, COMMANDS, take_answers);
  link_to(middle_port, PUSHES, take_pushes);
  serve(flush_all, NULL);
}
