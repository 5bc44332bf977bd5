/* A closed loop on one address: so many connections, each asking again once it has its answer.
 *
 *   http_load PORT CONNECTIONS SECONDS < request
 *
 * The request is read from standard input and sent as it is. Prints one JSON object: answers by
 * kind, bytes of bodies, seconds, and percentiles of the latency in milliseconds. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, MOST = 1 << 22 };

struct connection {
  int socket;
  size_t held;
  long long began;
  char *buffer;
};

static char request[16384];
static size_t request_size;
static long long *taken;
static long answered, good, unchanged, other;
static long long bytes;

static long long now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void ask(struct connection *each) {
  each->held = 0;
  each->began = now_ns();
  if (send(each->socket, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) fail("send");
}

/* The size of the answer that the buffer begins with, 0 while its head is not whole. */
static size_t answer_size(struct connection *each, int *status, size_t *body) {
  each->buffer[each->held] = '\0';
  char *end = strstr(each->buffer, "\r\n\r\n");
  if (end == NULL) return 0;
  *status = atoi(each->buffer + 9);
  const char *length = strcasestr(each->buffer, "\r\ncontent-length:");
  *body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
  return (size_t)(end + 4 - each->buffer) + *body;
}

static void take(struct connection *each) {
  ssize_t got = recv(each->socket, each->buffer + each->held, BUFFER - 1 - each->held, 0);
  if (got <= 0) fail("recv");
  each->held += (size_t)got;
  int status = 0;
  size_t body = 0, size = answer_size(each, &status, &body);
  if (size == 0 || each->held < size) return;
  if (answered < MOST) taken[answered] = now_ns() - each->began;
  ++answered;
  bytes += (long long)body;
  if (status == 200) ++good;
  else if (status == 304) ++unchanged;
  else ++other;
  ask(each);
}

static int by_size(const void *a, const void *b) {
  const long long x = *(const long long *)a, y = *(const long long *)b;
  return (x > y) - (x < y);
}

static double percentile(double share) {
  const long held = answered < MOST ? answered : MOST;
  return held == 0 ? 0.0 : (double)taken[(long)(share * (double)(held - 1))] / 1e6;
}

int main(int count, char **words) {
  if (count != 4) return 2;
  const int connections = atoi(words[2]);
  const double seconds = atof(words[3]);
  request_size = fread(request, 1, sizeof request, stdin);
  taken = malloc(sizeof *taken * MOST);
  struct connection *all = calloc((size_t)connections, sizeof *all);
  const int poll = epoll_create1(0);
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1]))};
  inet_pton(AF_INET, "127.0.0.1", &place.sin_addr);
  const long long begin = now_ns();
  for (int n = 0; n < connections; ++n) {
    all[n].buffer = malloc(BUFFER);
    all[n].socket = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(all[n].socket, (struct sockaddr *)&place, sizeof place) != 0) fail("connect");
    setsockopt(all[n].socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &all[n]};
    epoll_ctl(poll, EPOLL_CTL_ADD, all[n].socket, &wanted);
    ask(&all[n]);
  }
  const long long end = begin + (long long)(seconds * 1e9);
  struct epoll_event ready[256];
  while (now_ns() < end) {
    const int found = epoll_wait(poll, ready, 256, 100);
    for (int n = 0; n < found; ++n) take(ready[n].data.ptr);
  }
  const double elapsed = (double)(now_ns() - begin) / 1e9;
  qsort(taken, (size_t)(answered < MOST ? answered : MOST), sizeof *taken, by_size);
  printf("{\"answered\":%ld,\"good\":%ld,\"unchanged\":%ld,\"other\":%ld,\"bytes\":%lld,"
         "\"seconds\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n",
         answered, good, unchanged, other, bytes, elapsed, percentile(0.5), percentile(0.99));
  return 0;
}
