/*
 * Opens thousands of connections and walks each of them through its steps: send these bytes, wait until the answer contains those. One
 * process, epoll, nothing per connection but its buffer: opening costs the load generator about what the kernel asks for it.
 *
 *   crowd <plan> <at once>
 *
 * The plan: for each connection u16 port, u8 steps, and for each step u32 length, what is sent, u16 length, what is waited for (numbers are
 * little-endian). Prints "ready", opens when a line comes on stdin, prints one JSON line, and holds the connections until stdin ends; then
 * it resets them all. Pings are not answered: the connections are to live for less than a server's heartbeat.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER 2048
enum { WAITING, OPENING, DONE, FAILED };

typedef struct {
  const unsigned char *step; /* the step that is waited for */
  int fd, left, state, have;
  long long from_us, took_us;
  char *buffer;
} Client;

static int epoll_fd;
static Client *clients;
static int count, next_one, open_now, done, failed;
static char problem[200];

static long long now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static double cpu_us(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static unsigned u16(const unsigned char *p) { return p[0] | p[1] << 8; }
static unsigned u32(const unsigned char *p) { return u16(p) | u16(p + 2) << 16; }
static const unsigned char *until_of(const unsigned char *step) { return step + 4 + u32(step); }
static const unsigned char *after(const unsigned char *step) { return until_of(step) + 2 + u16(until_of(step)); }

static void finish(Client *c, int state, const char *why) {
  c->state = state;
  c->took_us = now_us() - c->from_us;
  open_now--;
  free(c->buffer);
  c->buffer = NULL;
  if (state == DONE) { done++; return; }
  failed++;
  if (problem[0] == 0) snprintf(problem, sizeof problem, "%s", why);
  if (c->fd >= 0) close(c->fd);
}

static void send_step(Client *c) {
  unsigned length = u32(c->step);
  if (length > 0 && send(c->fd, c->step + 4, length, MSG_NOSIGNAL) != (ssize_t)length) finish(c, FAILED, strerror(errno));
}

/* Goes on as far as what came allows; a server may send the answers to two steps at once. */
static void advance(Client *c) {
  while (c->state == OPENING) {
    const unsigned char *until = until_of(c->step);
    unsigned length = u16(until);
    char *found = memmem(c->buffer, (size_t)c->have, until + 2, length);
    if (found == NULL) return;
    int used = (int)(found - c->buffer) + (int)length;
    memmove(c->buffer, c->buffer + used, (size_t)(c->have - used));
    c->have -= used;
    if (--c->left == 0) { finish(c, DONE, ""); return; }
    c->step = after(c->step);
    send_step(c);
  }
}

static void on_readable(Client *c) {
  if (c->state != OPENING) { /* what comes while it is held is thrown away */
    char waste[4096];
    while (read(c->fd, waste, sizeof waste) > 0) {}
    return;
  }
  ssize_t n = read(c->fd, c->buffer + c->have, (size_t)(BUFFER - c->have));
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) { finish(c, FAILED, n == 0 ? "the server closed it" : strerror(errno)); return; }
  c->have += (int)n;
  advance(c);
  if (c->state == OPENING && c->have == BUFFER) finish(c, FAILED, "the answer is too long");
}

static void open_one(Client *c, int port) {
  int one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  c->state = OPENING;
  c->from_us = now_us();
  c->buffer = malloc(BUFFER);
  open_now++;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) { finish(c, FAILED, strerror(errno)); return; }
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) finish(c, FAILED, strerror(errno));
}

static void on_event(const struct epoll_event *event) {
  Client *c = event->data.ptr;
  if (event->events & EPOLLOUT) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) { finish(c, FAILED, strerror(error)); return; }
    struct epoll_event readable = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &readable);
    send_step(c);
  } else if (c->state != FAILED) on_readable(c);
}

/* Where the steps of each connection begin; its port is 3 bytes before them. */
static int read_plan(const unsigned char *plan, const unsigned char *end) {
  int room = 0;
  for (const unsigned char *p = plan; p < end; count++) {
    if (count == room) clients = realloc(clients, (size_t)(room = room * 2 + 1024) * sizeof *clients);
    Client *c = &clients[count];
    *c = (Client){.fd = -1, .left = p[2], .step = p + 3};
    p += 3;
    for (int i = 0; i < c->left; i++) p = after(p);
  }
  return count > 0 && count <= 20000;
}

static unsigned char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  struct stat info;
  if (file == NULL || fstat(fileno(file), &info) != 0) { perror(path); exit(1); }
  unsigned char *data = malloc(*size = (size_t)info.st_size);
  if (fread(data, 1, *size, file) != *size) { perror(path); exit(1); }
  fclose(file);
  return data;
}

int main(int argc, char **argv) {
  if (argc != 3) { fprintf(stderr, "usage: crowd <plan> <at once>\n"); return 2; }
  size_t size;
  unsigned char *plan = read_file(argv[1], &size);
  int at_once = atoi(argv[2]);
  if (at_once < 1 || !read_plan(plan, plan + size)) { fprintf(stderr, "the plan is not one\n"); return 2; }
  epoll_fd = epoll_create1(0);
  printf("ready\n"); fflush(stdout);
  if (getchar() == EOF) return 0;
  double cpu_before = cpu_us();
  long long start = now_us();
  struct epoll_event events[256];
  while (done + failed < count) {
    while (next_one < count && open_now < at_once) { Client *c = &clients[next_one++]; open_one(c, (int)u16(c->step - 3)); }
    int n = epoll_wait(epoll_fd, events, 256, 30000);
    if (n == 0) { snprintf(problem, sizeof problem, "nothing happened for 30 s"); break; }
    for (int i = 0; i < n; i++) on_event(&events[i]);
  }
  printf("{\"wallUs\":%lld,\"cpuUs\":%.0f,\"failed\":%d,\"problem\":\"%s\",\"timesUs\":[", now_us() - start, cpu_us() - cpu_before, count - done, problem);
  for (int i = 0, first = 1; i < count; i++)
    if (clients[i].state == DONE) { printf("%s%lld", first ? "" : ",", clients[i].took_us); first = 0; }
  printf("]}\n"); fflush(stdout);
  while (getchar() != EOF) {}
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  for (int i = 0; i < count; i++)
    if (clients[i].state == DONE) { setsockopt(clients[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); close(clients[i].fd); }
  return 0;
}
