/*
 * Thousands of Carillon clients that are dropped at once and come back, each with the positions of its channels: what load/resuming-load.ts
 * does in Node, for a third of the CPU. By the rules of the SDK: full jitter backoff from the first attempt on, 10 s to be let in. Every
 * message is read and counted: numbers of a channel run from 1 on, and what is doubled, out of order or missing shows.
 *
 *   resume <plan> <at once>
 *
 * The plan (numbers are little-endian): u16 ports, for each u16 port, u16 length, upgrade request; u32 channels, for each u16 length, name;
 * u32 clients, for each u16 length, connect frame, u8 channels, for each u32 index of the channel. Orders come as lines on stdin, each is
 * answered by one JSON line: `open`, `mark`, `drop <time> <how many>`, `report`, `finish <file of u32 published, by channel>`. The end of stdin
 * resets all connections.
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
#include <time.h>
#include <unistd.h>

#define READ_BYTES (256 * 1024)
#define MAX_CHANNELS 8
#define MAX_EPOCH 32
#define WHEEL 65536 /* ms; longer than any timer */
#define CONNECT_TIMEOUT_MS 10000
#define ALL_OPEN_TIMEOUT_MS 60000
#define ALL_BACK_TIMEOUT_MS 45000
#define DRAIN_TIMEOUT_MS 10000
#define INITIAL_BACKOFF_MS 1000
#define MAX_BACKOFF_MS 30000
#define STABLE_AFTER_MS 5000
/* As in load/tally.ts. */
#define BASE_US 1000000000000000LL

typedef struct { const char *text; unsigned length; unsigned published; } Text;
typedef struct {
  unsigned channel, epoch_length;
  int subscribed;
  long long seq, target; /* what was missed goes up to target; -1: not waiting */
  char epoch[MAX_EPOCH];
  unsigned last, missing_count, missing_room;
  unsigned *missing; /* numbers below the last one that have not come */
} Place;
enum { AWAY, CONNECTING, UPGRADING, GREETING, SUBSCRIBING, SUBSCRIBED };
typedef struct {
  Text hello;
  Place *places;
  unsigned char *rest; /* the part of a frame that has come */
  unsigned rest_length, turn;
  int fd, state, place_count, behind, ready, failures, next, prev, bucket;
  long long dropped_us, authenticated_ms;
} Client;
typedef struct { int port; Text upgrade; } Port;

static Port *ports;
static Text *channels;
static Client *clients;
static int port_count, channel_count, client_count, epoll_fd, ready_count, armed;
static int wheel[WHEEL];
static long long wheel_ms, marked_cpu_us;
static unsigned char buffer[READ_BYTES + 1], joined[2 * READ_BYTES + 1];
static long long messages, arrived, duplicated, reordered, drops, attempts, failed_attempts, recovered;
static char problems[5][300];
static int problem_count, reason_count;
static struct { char name[40]; long long count; } reasons[16];
static unsigned *resume_us;
static int resume_count, resume_room;
static void lose(Client *c, long long at_us);
static void connect_client(Client *c);

static long long monotonic_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}
static long long now_ms(void) { return monotonic_us() / 1000; }
static long long now_us(void) { return BASE_US + monotonic_us(); }
static long long cpu_us(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

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
static void send_frame(Client *c, int opcode, const char *body, unsigned length) {
  unsigned char frame[4096];
  unsigned header = length < 126 ? 2 : 4;
  frame[0] = (unsigned char)(0x80 | opcode);
  frame[1] = (unsigned char)(0x80 | (length < 126 ? length : 126));
  if (header == 4) { frame[2] = (unsigned char)(length >> 8); frame[3] = (unsigned char)length; }
  memset(frame + header, 0, 4);
  memcpy(frame + header + 4, body, length);
  send_bytes(c, frame, header + 4 + length);
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

static long long number_at(const char **p) {
  long long n = 0;
  while (**p >= '0' && **p <= '9') n = n * 10 + *(*p)++ - '0';
  return n;
}
static void take(Place *p, unsigned n) {
  if (n > p->last) {
    for (unsigned skipped = p->last + 1; skipped < n; skipped++) {
      if (p->missing_count == p->missing_room) p->missing = realloc(p->missing, (p->missing_room = p->missing_room * 2 + 16) * sizeof *p->missing);
      p->missing[p->missing_count++] = skipped;
    }
    p->last = n;
    arrived++;
    return;
  }
  for (unsigned i = 0; i < p->missing_count; i++)
    if (p->missing[i] == n) { p->missing[i] = p->missing[--p->missing_count]; reordered++; arrived++; return; }
  duplicated++;
}
static unsigned lost_of(const Place *p) {
  unsigned published = channels[p->channel].published;
  return p->missing_count + (published > p->last ? published - p->last : 0);
}

/* Goes on after `text` when that is next. */
static int skip(const char **p, const char *text) {
  size_t length = strlen(text);
  if (strncmp(*p, text, length) != 0) return 0;
  *p += length;
  return 1;
}
static void remember(Place *place, const char *epoch, unsigned length, long long seq) {
  place->epoch_length = length < MAX_EPOCH ? length : MAX_EPOCH;
  memcpy(place->epoch, epoch, place->epoch_length);
  place->seq = seq;
}
/* <epoch>","seq":<seq> */
static int read_position(const char **p, const char *end, Place *place) {
  const char *epoch = *p, *quote = memchr(epoch, '"', (size_t)(end - epoch));
  if (quote == NULL || quote - epoch > MAX_EPOCH) return 0;
  *p = quote;
  if (!skip(p, "\",\"seq\":")) return 0;
  remember(place, epoch, (unsigned)(quote - epoch), number_at(p));
  return 1;
}

#define MESSAGE "{\"type\":\"message\",\"version\":1,\"channel\":\""
static void on_message(Client *c, const char *text, const char *end) {
  const char *at = text + sizeof MESSAGE - 1;
  Place *place = NULL;
  for (int i = 0; i < c->place_count && place == NULL; i++) {
    const Text *name = &channels[c->places[i].channel];
    if ((size_t)(end - at) > name->length && at[name->length] == '"' && memcmp(at, name->text, name->length) == 0) place = &c->places[i];
  }
  if (place == NULL || !place->subscribed) { problem_text(c, "a message of a channel without a subscription"); return; }
  at += channels[place->channel].length;
  const char *t;
  if (!skip(&at, "\",\"epoch\":\"") || !read_position(&at, end, place) || (t = memmem(at, (size_t)(end - at), "{\"t\":", 5)) == NULL) {
    problem(c, text, (int)(end - text));
    return;
  }
  t += 5;
  number_at(&t);
  if (!skip(&t, ",\"n\":")) { problem(c, text, (int)(end - text)); return; }
  messages++;
  take(place, (unsigned)number_at(&t));
  if (place->target >= 0 && place->seq >= place->target) {
    place->target = -1;
    if (--c->behind == 0) be_ready(c);
  }
}

static void subscribe(Client *c) {
  char body[2048];
  int length = sprintf(body, "{\"type\":\"subscribe\",\"id\":2,\"channels\":[");
  for (int i = 0; i < c->place_count; i++) {
    const Place *p = &c->places[i];
    const Text *name = &channels[p->channel];
    length += sprintf(body + length, "%s{\"channel\":\"%.*s\"", i == 0 ? "" : ",", (int)name->length, name->text);
    if (p->subscribed) length += sprintf(body + length, ",\"position\":{\"epoch\":\"%.*s\",\"seq\":%lld}", (int)p->epoch_length, p->epoch, p->seq);
    length += sprintf(body + length, "}");
  }
  length += sprintf(body + length, "]}");
  c->state = SUBSCRIBING;
  send_frame(c, 1, body, (unsigned)length);
}
static void not_recovered(const char *reason, int length) {
  int i = 0;
  while (i < reason_count && !(strncmp(reasons[i].name, reason, (size_t)length) == 0 && reasons[i].name[length] == 0)) i++;
  if (i == 16) return;
  if (i == reason_count) snprintf(reasons[reason_count++].name, sizeof reasons[0].name, "%.*s", length, reason);
  reasons[i].count++;
}
static int read_result(Client *c, Place *place, const char **at, const char *end) {
  const Text *name = &channels[place->channel];
  long long missed = 0;
  if (!skip(at, "{\"channel\":\"") || memcmp(*at, name->text, name->length) != 0) return 0;
  *at += name->length;
  if (!skip(at, "\",\"epoch\":\"") || !read_position(at, end, place)) return 0;
  if (skip(at, ",\"recovered\":true,\"missed\":")) {
    missed = number_at(at);
    recovered++;
  } else if (skip(at, ",\"recovered\":false,\"reason\":\"")) {
    const char *quote = memchr(*at, '"', (size_t)(end - *at));
    if (quote == NULL) return 0;
    not_recovered(*at, (int)(quote - *at));
    *at = quote + 1;
  }
  place->subscribed = 1;
  place->target = missed > 0 ? place->seq + missed : -1;
  if (missed > 0) c->behind++;
  return skip(at, "}");
}
static void on_subscribed(Client *c, const char *text, const char *end) {
  const char *at = memmem(text, (size_t)(end - text), "\"results\":[", 11);
  int ok = at != NULL;
  if (ok) at += 11;
  for (int i = 0; ok && i < c->place_count; i++) ok = (i == 0 || skip(&at, ",")) && read_result(c, &c->places[i], &at, end);
  if (!ok) { problem(c, text, (int)(end - text)); return; }
  c->state = SUBSCRIBED;
  if (c->behind == 0) be_ready(c);
}
static void on_text(Client *c, const char *text, const char *end) {
  if (strncmp(text, MESSAGE, sizeof MESSAGE - 1) == 0) on_message(c, text, end);
  else if (c->state == GREETING && strncmp(text, "{\"type\":\"connected\"", 19) == 0) {
    disarm(c);
    c->authenticated_ms = now_ms();
    subscribe(c);
  } else if (c->state == SUBSCRIBING && strncmp(text, "{\"type\":\"subscribed\"", 20) == 0) on_subscribed(c, text, end);
  else problem(c, text, (int)(end - text));
}

/* Where the frames begin; 0: the answer isn't whole. */
static unsigned read_upgrade(Client *c, unsigned char *data, unsigned length) {
  unsigned char *end = memmem(data, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  if (memcmp(data, "HTTP/1.1 101", 12) != 0) { problem(c, (char *)data, (int)length); return 0; }
  c->state = GREETING;
  for (int i = 0; i < c->place_count; i++) c->places[i].target = -1;
  c->behind = 0;
  send_bytes(c, c->hello.text, c->hello.length);
  return (unsigned)(end + 4 - data);
}
/* Hands on every whole frame; returns where the first one that isn't whole begins. */
static unsigned read_frames(Client *c, unsigned char *data, unsigned at, unsigned end) {
  int fd = c->fd;
  while (end - at >= 2 && c->fd == fd) {
    unsigned length = data[at + 1] & 127, start = at + 2;
    if (length == 126) {
      if (end - at < 4) break;
      length = (unsigned)data[at + 2] << 8 | data[at + 3];
      start = at + 4;
    } else if (length == 127) { problem_text(c, "a frame of more than 64 KiB"); break; }
    if (end - start < length || end < start) break;
    unsigned char after = data[start + length];
    data[start + length] = 0; /* reading stops here, whatever came */
    if (data[at] == 0x81) on_text(c, (char *)data + start, (char *)data + start + length);
    else if (data[at] == 0x89) send_frame(c, 10, (char *)data + start, length);
    else if (data[at] == 0x88) problem(c, (char *)data + start + 2, length < 2 ? 0 : (int)length - 2);
    data[start + length] = after;
    at = start + length;
  }
  return at;
}
static void on_data(Client *c, unsigned char *data, unsigned length) {
  unsigned at = 0;
  if (c->rest_length > 0) {
    memcpy(joined, c->rest, c->rest_length);
    memcpy(joined + c->rest_length, data, length);
    data = joined;
    length += c->rest_length;
    free(c->rest);
    c->rest = NULL;
    c->rest_length = 0;
  }
  int fd = c->fd;
  if (c->state == UPGRADING) at = read_upgrade(c, data, length);
  if (c->state > UPGRADING) at = read_frames(c, data, at, length);
  if (c->fd != fd || at == length) return;
  c->rest_length = length - at;
  c->rest = malloc(c->rest_length);
  memcpy(c->rest, data + at, c->rest_length);
}
static void on_event(const struct epoll_event *event) {
  Client *c = event->data.ptr;
  if (c->fd < 0) return; /* it was cut in this turn */
  if (c->state == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) { problem_text(c, strerror(error)); return; }
    struct epoll_event readable = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &readable);
    connected(c);
    return;
  }
  ssize_t n = read(c->fd, buffer, READ_BYTES);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) problem_text(c, n == 0 ? "connection ended: closed" : strerror(errno));
  else on_data(c, buffer, (unsigned)n);
}

/* Serves until all are ready (or, with `lost`, nothing is lost any more) or the time is up; returns whether it is so. */
static unsigned long long lost_now(void) {
  unsigned long long lost = 0;
  for (int i = 0; i < client_count; i++) for (int k = 0; k < clients[i].place_count; k++) lost += lost_of(&clients[i].places[k]);
  return lost;
}
static int turn(int wait_ms) {
  struct epoll_event events[256];
  int n = epoll_wait(epoll_fd, events, 256, wait_ms), has_order = 0;
  for (int i = 0; i < n; i++) if (events[i].data.ptr == NULL) has_order = 1; else on_event(&events[i]);
  run_timers();
  return has_order;
}
static void print_text(const char *text) {
  putchar('"');
  for (; *text != 0; text++) if (*text == '"' || *text == '\\') printf("\\%c", *text); else putchar((unsigned char)*text < 32 ? ' ' : *text);
  putchar('"');
}
static void open_all(int at_once) {
  long long until = now_ms() + ALL_OPEN_TIMEOUT_MS;
  int next = 0;
  while (ready_count < client_count && now_ms() < until) {
    while (next < client_count && next - ready_count < at_once) connect_client(&clients[next++]);
    turn(until_timer());
  }
  printf("{\"ready\":%d}\n", ready_count);
}
static void drop(long long at_us, int how_many) {
  long long until = now_ms() + ALL_BACK_TIMEOUT_MS;
  for (int i = 0; i < client_count && i < how_many; i++) if (clients[i].state != AWAY) { drops++; lose(&clients[i], at_us); }
  while (ready_count < client_count && now_ms() < until) turn(until_timer());
  if (ready_count < client_count && problem_count < 5)
    snprintf(problems[problem_count++], sizeof problems[0], "%d clients did not come back within %d s", client_count - ready_count, ALL_BACK_TIMEOUT_MS / 1000);
  printf("{\"ready\":%d}\n", ready_count);
}
static void report(void) {
  printf("{\"cpuUs\":%lld,\"problems\":[", cpu_us() - marked_cpu_us);
  for (int i = 0; i < problem_count; i++) { if (i > 0) putchar(','); print_text(problems[i]); }
  printf("],\"resumeUs\":[");
  for (int i = 0; i < resume_count; i++) printf("%s%u", i == 0 ? "" : ",", resume_us[i]);
  printf("]}\n");
}
static void finish(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) { perror(path); exit(1); }
  for (int i = 0; i < channel_count; i++) if (fread(&channels[i].published, 4, 1, file) != 1) { perror(path); exit(1); }
  fclose(file);
  long long until = now_ms() + DRAIN_TIMEOUT_MS, expected = 0;
  while (lost_now() > 0 && now_ms() < until) for (long long pause = now_ms() + 100; now_ms() < pause;) turn(10);
  for (int i = 0; i < client_count; i++) for (int k = 0; k < clients[i].place_count; k++) expected += channels[clients[i].places[k].channel].published;
  printf("{\"messages\":%lld,\"arrived\":%lld,\"duplicated\":%lld,\"reordered\":%lld,\"drops\":%lld,\"attempts\":%lld,\"failedAttempts\":%lld,\"recovered\":%lld,\"notRecovered\":{",
    messages, arrived, duplicated, reordered, drops, attempts, failed_attempts, recovered);
  for (int i = 0; i < reason_count; i++) { if (i > 0) putchar(','); print_text(reasons[i].name); printf(":%lld", reasons[i].count); }
  printf("},\"clients\":%d,\"expected\":%lld,\"lost\":%llu}\n", client_count, expected, lost_now());
}

static unsigned number(FILE *file, int bytes) {
  unsigned char b[4] = {0};
  if (fread(b, 1, (size_t)bytes, file) != (size_t)bytes) { fprintf(stderr, "the plan is not one\n"); exit(1); }
  return b[0] | b[1] << 8 | b[2] << 16 | (unsigned)b[3] << 24;
}
static Text text(FILE *file) {
  unsigned length = number(file, 2);
  char *bytes = malloc(length + 1);
  if (fread(bytes, 1, length, file) != length) { fprintf(stderr, "the plan is not one\n"); exit(1); }
  bytes[length] = 0;
  return (Text){bytes, length, 0};
}
static void read_plan(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) { perror(path); exit(1); }
  ports = calloc((size_t)(port_count = (int)number(file, 2)), sizeof *ports);
  for (int i = 0; i < port_count; i++) { ports[i].port = (int)number(file, 2); ports[i].upgrade = text(file); }
  channels = calloc((size_t)(channel_count = (int)number(file, 4)), sizeof *channels);
  for (int i = 0; i < channel_count; i++) channels[i] = text(file);
  clients = calloc((size_t)(client_count = (int)number(file, 4)), sizeof *clients);
  for (int i = 0; i < client_count; i++) {
    Client *c = &clients[i];
    *c = (Client){.hello = text(file), .fd = -1, .bucket = -1, .turn = (unsigned)i, .dropped_us = 1};
    c->place_count = (int)number(file, 1);
    if (c->place_count > MAX_CHANNELS) { fprintf(stderr, "at most %d channels a client\n", MAX_CHANNELS); exit(1); }
    c->places = calloc((size_t)c->place_count, sizeof *c->places);
    for (int k = 0; k < c->place_count; k++) c->places[k] = (Place){.channel = number(file, 4), .target = -1};
  }
  fclose(file);
}

int main(int argc, char **argv) {
  if (argc != 3) { fprintf(stderr, "usage: resume <plan> <at once>\n"); return 2; }
  read_plan(argv[1]);
  memset(wheel, -1, sizeof wheel);
  wheel_ms = now_ms();
  srand48(getpid());
  epoll_fd = epoll_create1(0);
  struct epoll_event orders = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &orders);
  printf("{\"ready\":0}\n");
  fflush(stdout);
  char line[4096];
  for (;;) {
    if (!turn(until_timer())) continue;
    ssize_t n = read(0, line, sizeof line - 1);
    if (n <= 0) break;
    line[n - 1] = 0; /* one order at a time, and a line break at its end */
    if (strcmp(line, "open") == 0) open_all(atoi(argv[2]));
    else if (strncmp(line, "drop ", 5) == 0) {
      char *how_many;
      long long at_us = strtoll(line + 5, &how_many, 10);
      drop(at_us, atoi(how_many));
    }
    else if (strcmp(line, "report") == 0) report();
    else if (strncmp(line, "finish ", 7) == 0) finish(line + 7);
    else { resume_count = 0; marked_cpu_us = cpu_us(); printf("{}\n"); }
    fflush(stdout);
  }
  for (int i = 0; i < client_count; i++) cut(&clients[i]);
  return 0;
}
