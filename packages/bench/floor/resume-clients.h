/* The clients of resume.c: what there is, and how it is read from the plan. */
#pragma once
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
#define MAX_HELLO 4096
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
    if (c->hello.length > MAX_HELLO) { fprintf(stderr, "a connect frame has at most %d bytes\n", MAX_HELLO); exit(1); }
    c->place_count = (int)number(file, 1);
    if (c->place_count > MAX_CHANNELS) { fprintf(stderr, "at most %d channels a client\n", MAX_CHANNELS); exit(1); }
    c->places = calloc((size_t)c->place_count, sizeof *c->places);
    for (int k = 0; k < c->place_count; k++) c->places[k] = (Place){.channel = number(file, 4), .target = -1};
  }
  fclose(file);
}
