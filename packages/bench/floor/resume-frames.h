/* What comes to the clients of resume.c: frames are found, read and counted. */
#pragma once
#include "resume-connections.h"

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

/* Both in one go: frames are served in order, so that what is asked for need not wait until the token is verified. */
static void connect_and_subscribe(Client *c) {
  char body[2048];
  unsigned char frames[MAX_HELLO + sizeof body + 8];
  int length = sprintf(body, "{\"type\":\"subscribe\",\"id\":2,\"channels\":[");
  for (int i = 0; i < c->place_count; i++) {
    const Place *p = &c->places[i];
    const Text *name = &channels[p->channel];
    length += sprintf(body + length, "%s{\"channel\":\"%.*s\"", i == 0 ? "" : ",", (int)name->length, name->text);
    if (p->subscribed) length += sprintf(body + length, ",\"position\":{\"epoch\":\"%.*s\",\"seq\":%lld}", (int)p->epoch_length, p->epoch, p->seq);
    length += sprintf(body + length, "}");
  }
  length += sprintf(body + length, "]}");
  memcpy(frames, c->hello.text, c->hello.length);
  unsigned framed = frame_of(frames + c->hello.length, 1, body, (unsigned)length);
  send_bytes(c, frames, c->hello.length + framed);
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
    c->state = SUBSCRIBING;
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
  connect_and_subscribe(c);
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
