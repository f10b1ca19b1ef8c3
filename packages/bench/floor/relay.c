/*
 * The floor of a message's way: three processes that go it as Carillon does, and do nothing else. Node A takes a publisher's frame and
 * writes it to the middle process, which stands where Redis does. That one appends it to a file, writes it to both nodes, and an answer to
 * node A. A node writes a message to the subscribers of its channel, node A the answer to the publisher. One read and one write a hop; what
 * a single read brings leaves together. No tokens, no numbers, no history, no order but that of the sockets.
 *
 *   relay middle <port> <file>
 *   relay node <port> <port of the middle process>
 *
 * Each prints "listening". Clients are the load's: WebSocket, as much of it as they speak; see relay-node.h.
 */
#include "relay-middle.h"
#include "relay-node.h"

static int port_of(const char *text) {
  char *end;
  long port = strtol(text, &end, 10);
  if (*text == 0 || *end != 0 || port < 1 || port > 65535) fail("'%s' is no port", text);
  return (int)port;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "middle") == 0) run_middle(port_of(argv[2]), argv[3]);
  if (argc == 4 && strcmp(argv[1], "node") == 0) run_node(port_of(argv[2]), port_of(argv[3]));
  fprintf(stderr, "usage: relay middle <port> <file> | relay node <port> <port of the middle process>\n");
  return 2;
}
