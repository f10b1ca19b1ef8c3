/* Connections of the clients of resume.c: timers, opening, losing, sending. */
#pragma once
#include "resume-clients.h"

static void lose(Client *c, long long at_us);
static void connect_client(Client *c);

/* Timers: each client has at most one. */
static void disarm(Client *c) {
  if (c->bucket < 0) return;
  if (c->prev >= 0) clients[c->prev].next = c->next; else wheel[c->bucket] = c->next;
  if (c->next >= 0) clients[c->next].prev = c->prev;
  c->bucket = -1;
  armed--;
}
static void arm(Client *c, long long delay_ms) {
  disarm(c);
  long long at = now_ms() + (delay_ms < 1 ? 1 : delay_ms);
  if (at <= wheel_ms) at = wheel_ms + 1;
  c->bucket = (int)(at % WHEEL);
  c->prev = -1;
  c->next = wheel[c->bucket];
  if (c->next >= 0) clients[c->next].prev = (int)(c - clients);
  wheel[c->bucket] = (int)(c - clients);
  armed++;
}
/* Milliseconds to sleep at most. */
static int until_timer(void) {
  if (armed == 0) return 50;
  for (int ms = 1; ms < 50; ms++) if (wheel[(wheel_ms + ms) % WHEEL] >= 0) return ms;
  return 50;
}

static void problem(Client *c, const char *text, int length) {
  if (c->state == AWAY) return;
  if (problem_count < 5) snprintf(problems[problem_count++], sizeof problems[0], "%.*s", length, text);
  failed_attempts++;
  lose(c, now_us());
}
static void problem_text(Client *c, const char *text) { problem(c, text, (int)strlen(text)); }

static void run_timers(void) {
  long long now = now_ms();
  while (wheel_ms < now) {
    wheel_ms++;
    for (int i; (i = wheel[wheel_ms % WHEEL]) >= 0;) {
      Client *c = &clients[i];
      disarm(c);
      if (c->state == AWAY) connect_client(c); else problem_text(c, "not connected in time");
    }
  }
}

static void send_bytes(Client *c, const void *bytes, unsigned length) {
  if (send(c->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) problem_text(c, strerror(errno));
}
/* A zero mask leaves the bytes as they are; the server's work is the same. */
static unsigned frame_of(unsigned char *frame, int opcode, const char *body, unsigned length) {
  unsigned header = length < 126 ? 2 : 4;
  frame[0] = (unsigned char)(0x80 | opcode);
  frame[1] = (unsigned char)(0x80 | (length < 126 ? length : 126));
  if (header == 4) { frame[2] = (unsigned char)(length >> 8); frame[3] = (unsigned char)length; }
  memset(frame + header, 0, 4);
  memcpy(frame + header + 4, body, length);
  return header + 4 + length;
}
static void send_frame(Client *c, int opcode, const char *body, unsigned length) {
  unsigned char frame[4096];
  send_bytes(c, frame, frame_of(frame, opcode, body, length));
}

static void connected(Client *c) {
  const Text *upgrade = &ports[(c->turn - 1) % (unsigned)port_count].upgrade;
  c->state = UPGRADING;
  send_bytes(c, upgrade->text, upgrade->length);
}
static void connect_client(Client *c) {
  int one = 1, port = ports[c->turn++ % (unsigned)port_count].port;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  attempts++;
  c->state = CONNECTING;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) { problem_text(c, strerror(errno)); return; }
  arm(c, CONNECT_TIMEOUT_MS);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  int is_connected = connect(c->fd, (struct sockaddr *)&address, sizeof address) == 0;
  if (!is_connected && errno != EINPROGRESS) { problem_text(c, strerror(errno)); return; }
  struct epoll_event wanted = {.events = is_connected ? EPOLLIN : EPOLLOUT, .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &wanted);
  if (is_connected) connected(c);
}
static long long backoff_ms(Client *c) {
  if (c->authenticated_ms > 0 && now_ms() - c->authenticated_ms >= STABLE_AFTER_MS) c->failures = 0;
  c->authenticated_ms = 0;
  double most = INITIAL_BACKOFF_MS;
  for (int i = 0; i < c->failures && most < MAX_BACKOFF_MS; i++) most *= 2;
  c->failures++;
  return (long long)(drand48() * (most < MAX_BACKOFF_MS ? most : MAX_BACKOFF_MS));
}
/* A reset, no close frame, nothing that waits is sent. */
static void cut(Client *c) {
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  if (c->fd >= 0) { setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); close(c->fd); }
  c->fd = -1;
  free(c->rest);
  c->rest = NULL;
  c->rest_length = 0;
}
static void lose(Client *c, long long at_us) {
  cut(c);
  c->state = AWAY;
  if (c->ready) { c->ready = 0; ready_count--; }
  if (c->dropped_us == 0) c->dropped_us = at_us;
  arm(c, backoff_ms(c));
}

static void be_ready(Client *c) {
  if (c->ready) return;
  c->ready = 1;
  ready_count++;
  if (c->dropped_us > 1) {
    if (resume_count == resume_room) resume_us = realloc(resume_us, (size_t)(resume_room = resume_room * 2 + 1024) * sizeof *resume_us);
    resume_us[resume_count++] = (unsigned)(now_us() - c->dropped_us);
  }
  c->dropped_us = 0;
}
