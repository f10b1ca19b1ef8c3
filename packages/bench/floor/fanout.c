/*
 * The floor of fan-out: one process that accepts `subscribers` TCP connections and then, `rate` times a second for `seconds`,
 * writes one prepared WebSocket text frame to each of them with write(2), one call per connection and message. No protocol,
 * no order, no history: what is left is the kernel's price of a delivery, which nothing that writes to sockets can beat.
 *
 *   fanout <port> <subscribers> <rate> <seconds> <pad bytes>
 *
 * Prints "listening", then "writing" when all are there, then one JSON line with its own CPU time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Times have 16 digits, as the load generator expects them. */
static const long long T_BASE = 1000000000000000LL;

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static double cpu_us(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void write_all(int fd, const unsigned char *data, size_t length) {
  while (length > 0) {
    ssize_t n = write(fd, data, length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) { perror("write"); exit(1); }
    data += n;
    length -= (size_t)n;
  }
}

/* A frame as a gateway would send it, `pad` bytes of padding in the payload. Returns its length. */
static size_t build_frame(unsigned char *frame, long long sent_us, long long n, int pad) {
  char *text = (char *)frame + 4;
  int length = sprintf(text,
      "{\"type\":\"message\",\"version\":1,\"channel\":\"bench:0\",\"epoch\":\"000000000000\",\"seq\":%lld,\"id\":\"floor-%lld\","
      "\"timestamp\":1700000000000,\"payload\":{\"t\":%lld,\"n\":%lld,\"pad\":\"", n, n, sent_us, n);
  memset(text + length, 'x', (size_t)pad);
  length += pad;
  length += sprintf(text + length, "\"}}");
  frame[0] = 0x81;
  frame[1] = 126;
  frame[2] = (unsigned char)(length >> 8);
  frame[3] = (unsigned char)length;
  return (size_t)length + 4;
}

int main(int argc, char **argv) {
  if (argc != 6) { fprintf(stderr, "usage: fanout <port> <subscribers> <rate> <seconds> <pad bytes>\n"); return 2; }
  int port = atoi(argv[1]), subscribers = atoi(argv[2]), rate = atoi(argv[3]), seconds = atoi(argv[4]), pad = atoi(argv[5]);
  if (subscribers < 1 || subscribers > 15000 || rate < 1 || seconds < 1 || seconds > 300 || pad < 0 || pad > 60000) return 2;
  int *fds = calloc((size_t)subscribers, sizeof *fds), one = 1;
  int server = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 4096)) { perror("listen"); return 1; }
  printf("listening\n"); fflush(stdout);
  for (int i = 0; i < subscribers; i++) {
    fds[i] = accept(server, NULL, NULL);
    if (fds[i] < 0) { perror("accept"); return 1; }
    setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  printf("writing\n"); fflush(stdout);
  static unsigned char frame[70000];
  double cpu_before = cpu_us();
  long long start = now_ns(), total = (long long)rate * seconds;
  for (long long n = 1; n <= total; n++) {
    long long due = start + n * 1000000000LL / rate, wait = due - now_ns();
    if (wait > 0) {
      struct timespec pause = {wait / 1000000000LL, wait % 1000000000LL};
      nanosleep(&pause, NULL);
    }
    size_t length = build_frame(frame, T_BASE + now_ns() / 1000, n, pad);
    for (int i = 0; i < subscribers; i++) write_all(fds[i], frame, length);
  }
  printf("{\"cpuUs\":%.0f,\"wallUs\":%lld,\"deliveries\":%lld}\n", cpu_us() - cpu_before, (now_ns() - start) / 1000, total * subscribers);
  return 0;
}
