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
#include "resume-frames.h"

static unsigned long long lost_now(void) {
  unsigned long long lost = 0;
  for (int i = 0; i < client_count; i++) for (int k = 0; k < clients[i].place_count; k++) lost += lost_of(&clients[i].places[k]);
  return lost;
}
/* Serves what there is; 1: an order has come. */
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
