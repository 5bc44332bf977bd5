/* Readers of a WebSocket stream by the thousand, in one thread, for benchmarks/stream.py.
 *
 *   stream_load PORT PATH CONNECTIONS HELLO SECONDS MODE STALLED SOURCES [COLUMN]
 *
 * HELLO is a file with one line per connection (the last line serves the rest): what it says after
 * the handshake, messages separated by tabs. MODE is `count` (read what comes for SECONDS) or `round`
 * (connection 0 says "go" whenever everybody has had one frame). The first STALLED connections stop
 * reading after their first frame. SOURCES is how many 127.0.0.x addresses to come from. COLUMN, where
 * given, is the place in a row of milliseconds since the epoch: its age is measured in one frame of
 * sixteen. The last line written is one JSON object; "ready" and "done" come before on lines of their
 * own, so that the server's processor time can be read at both moments.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTING, HANDSHAKE, OPEN, STALLED, DEAD };
enum { HEAD_MAX = 4096, AGES = 20000, EVENTS = 1024, READ = 1 << 18, AT_ONCE = 200 };

typedef struct {
  int fd, state;
  uint64_t frames, bytes;
  uint8_t head[14];      /* of a frame that is coming in */
  int head_length;
  uint64_t left;         /* of its payload */
  char *sample;          /* its payload, where this frame is looked into */
  size_t sample_length, sample_size;
  int had;               /* a frame in this round */
} connection;

static connection *all;
static int count, opened, dead, stalled_wanted, column = -1, round_mode, waiting_for;
static uint64_t frames, rows_seen, rounds, ages[AGES], refused;
static char **hello;
static int hellos;
static int poller;
static char buffer[READ];

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int64_t wall_ms(void) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

/* A client masks; a mask of zeros is one. */
static void say(connection *each, const char *text, size_t length) {
  uint8_t head[14] = {0x81};
  size_t at = 2;
  if (length < 126) {
    head[1] = (uint8_t)(0x80 | length);
  } else {
    head[1] = 0x80 | 126;
    head[2] = (uint8_t)(length >> 8);
    head[3] = (uint8_t)length;
    at = 4;
  }
  memset(head + at, 0, 4);
  at += 4;
  char out[16384 + 16];
  if (length > 16384) exit(3);
  memcpy(out, head, at);
  memcpy(out + at, text, length);
  if (send(each->fd, out, at + length, MSG_NOSIGNAL) != (ssize_t)(at + length)) {
    each->state = DEAD;
    dead++;
  }
}

static void greet(connection *each) {
  int index = (int)(each - all);
  const char *line = hello[index < hellos ? index : hellos - 1];
  while (*line != '\0' && each->state != DEAD) {
    const char *end = strchrnul(line, '\t');
    say(each, line, (size_t)(end - line));
    line = *end == '\0' ? end : end + 1;
  }
}

static void look_into(const char *text, size_t length) {
  /* Rows are arrays one level below the third element: [ "changes", id, n, [ [..], [..] ], header ] */
  int depth = 0, place = 0, quoted = 0;
  int64_t at = wall_ms();
  for (size_t i = 0; i < length; i++) {
    char c = text[i];
    if (quoted) {
      if (c == '\\') i++;
      else if (c == '"') quoted = 0;
      continue;
    }
    if (c == '"') quoted = 1;
    else if (c == '[') { depth++; place = 0; }
    else if (c == ']') depth--;
    else if (c == ',' && depth == 3) place++;
    if (depth == 3 && place == column && (c == ',' || c == '[')) {
      int64_t age = at - strtoll(text + i + 1, NULL, 10);
      rows_seen++;
      ages[age < 0 ? 0 : age >= AGES ? AGES - 1 : age]++;
    }
  }
}

static void had_frame(connection *each) {
  each->frames++;
  frames++;
  if (each->sample_length > 0) {
    look_into(each->sample, each->sample_length);
    each->sample_length = 0;
  }
  if (round_mode && !each->had) {
    each->had = 1;
    if (--waiting_for == 0) {
      rounds++;
      waiting_for = count - dead;
      for (int i = 0; i < count; i++) all[i].had = 0;
      say(&all[0], "go", 2);
    }
  }
  if (each - all < stalled_wanted) {
    each->state = STALLED;
    epoll_ctl(poller, EPOLL_CTL_DEL, each->fd, NULL);
  }
}

static void take(connection *each, const char *data, size_t length) {
  each->bytes += length;
  while (length > 0 && each->state == OPEN) {
    if (each->left == 0) {
      /* The head: two bytes, then as many as they say. */
      int wanted = each->head_length < 2 ? 2 : 2 + (each->head[1] == 126 ? 2 : each->head[1] == 127 ? 8 : 0);
      if (each->head_length < wanted) {
        each->head[each->head_length++] = (uint8_t)*data++;
        length--;
        if (each->head_length < 2) continue;
        wanted = 2 + (each->head[1] == 126 ? 2 : each->head[1] == 127 ? 8 : 0);
        if (each->head_length < wanted) continue;
      }
      each->left = each->head[1];
      if (wanted > 2) {
        each->left = 0;
        for (int i = 2; i < wanted; i++) each->left = each->left << 8 | each->head[i];
      }
      each->head_length = 0;
      if (each->left == 0) had_frame(each);
      each->sample_length = 0;
      continue;
    }
    size_t part = length < each->left ? length : each->left;
    if (column >= 0 && each->frames % 16 == 15) {
      if (each->sample_length + part > each->sample_size) {
        each->sample_size = (each->sample_length + part) * 2;
        each->sample = realloc(each->sample, each->sample_size);
      }
      memcpy(each->sample + each->sample_length, data, part);
      each->sample_length += part;
    }
    data += part;
    length -= part;
    each->left -= part;
    if (each->left == 0) had_frame(each);
  }
}

static void readable(connection *each) {
  for (;;) {
    ssize_t got = recv(each->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      each->state = DEAD;
      dead++;
      epoll_ctl(poller, EPOLL_CTL_DEL, each->fd, NULL);
      return;
    }
    const char *data = buffer;
    size_t length = (size_t)got;
    if (each->state == HANDSHAKE) {
      char *end = memmem(buffer, length, "\r\n\r\n", 4);
      if (end == NULL || memcmp(buffer, "HTTP/1.1 101", 12) != 0) {
        refused++;
        each->state = DEAD;
        dead++;
        epoll_ctl(poller, EPOLL_CTL_DEL, each->fd, NULL);
        return;
      }
      each->state = OPEN;
      opened++;
      length -= (size_t)(end + 4 - buffer);
      data = end + 4;
      greet(each);
    }
    take(each, data, length);
    if (each->state != OPEN || (size_t)got < sizeof buffer) return;
  }
}

static void start(int index, int port, const char *path, int sources) {
  connection *each = &all[index];
  each->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (each->fd < 0) die("socket");
  struct linger abort_at_once = {1, 0}; /* no TIME_WAIT: the next run needs the ports */
  setsockopt(each->fd, SOL_SOCKET, SO_LINGER, &abort_at_once, sizeof abort_at_once);
  struct sockaddr_in from = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(0x7F000001u + (uint32_t)(index % sources));
  int one = 1;
  setsockopt(each->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  if (bind(each->fd, (struct sockaddr *)&from, sizeof from) < 0) die("bind");
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(each->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) die("connect");
  each->state = CONNECTING;
  struct epoll_event wanted = {.events = EPOLLOUT, .data.u32 = (uint32_t)index};
  epoll_ctl(poller, EPOLL_CTL_ADD, each->fd, &wanted);
  (void)path;
}

static void connected(connection *each, int port, const char *path) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(each->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    refused++;
    each->state = DEAD;
    dead++;
    epoll_ctl(poller, EPOLL_CTL_DEL, each->fd, NULL);
    return;
  }
  char request[HEAD_MAX];
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        "Sec-WebSocket-Version: 13\r\n\r\n", path, port);
  if (send(each->fd, request, (size_t)length, MSG_NOSIGNAL) != length) die("send");
  each->state = HANDSHAKE;
  struct epoll_event wanted = {.events = EPOLLIN, .data.u32 = (uint32_t)(each - all)};
  epoll_ctl(poller, EPOLL_CTL_MOD, each->fd, &wanted);
}

static void poll_once(int port, const char *path, int wait_ms) {
  struct epoll_event events[EVENTS];
  int ready = epoll_wait(poller, events, EVENTS, wait_ms);
  for (int i = 0; i < ready; i++) {
    connection *each = &all[events[i].data.u32];
    if (each->state == CONNECTING) connected(each, port, path);
    else if (each->state == HANDSHAKE || each->state == OPEN) readable(each);
  }
}

static uint64_t percentile(double part) {
  uint64_t wanted = (uint64_t)((double)rows_seen * part), so_far = 0;
  for (int age = 0; age < AGES; age++) {
    so_far += ages[age];
    if (so_far > wanted) return (uint64_t)age;
  }
  return 0;
}

static void read_hello(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) die(path);
  size_t size = 0;
  char *line = NULL;
  ssize_t length;
  while ((length = getline(&line, &size, file)) >= 0) {
    while (length > 0 && line[length - 1] == '\n') line[--length] = '\0';
    hello = realloc(hello, sizeof *hello * (size_t)(hellos + 1));
    hello[hellos++] = strdup(line);
  }
  fclose(file);
  if (hellos == 0) { hello = calloc(1, sizeof *hello); hello[0] = strdup(""); hellos = 1; }
}

int main(int argc, char **argv) {
  if (argc < 9) return 2;
  int port = atoi(argv[1]);
  const char *path = argv[2];
  count = atoi(argv[3]);
  read_hello(argv[4]);
  double seconds = atof(argv[5]);
  round_mode = strcmp(argv[6], "round") == 0;
  stalled_wanted = atoi(argv[7]);
  int sources = atoi(argv[8]);
  if (argc > 9) column = atoi(argv[9]);
  all = calloc((size_t)count, sizeof *all);
  poller = epoll_create1(EPOLL_CLOEXEC);
  waiting_for = count;
  double began = now();
  int started = 0;
  while (opened + dead < count && now() - began < 120) {
    while (started < count && started - opened - dead < AT_ONCE) start(started++, port, path, sources);
    poll_once(port, path, 20);
  }
  double connecting = now() - began;
  printf("ready\n");
  fflush(stdout);
  if (getchar() == EOF) return 1; /* whoever measures says when */
  uint64_t frames_before = frames, rounds_before = rounds, bytes_before = 0, bytes_after = 0;
  for (int i = 0; i < count; i++) bytes_before += all[i].bytes;
  memset(ages, 0, sizeof ages);
  rows_seen = 0;
  if (round_mode) say(&all[0], "go", 2);
  double from = now();
  while (now() - from < seconds) poll_once(port, path, 50);
  double measured = now() - from;
  printf("done\n");
  fflush(stdout);
  uint64_t least = UINT64_MAX;
  for (int i = 0; i < count; i++) {
    bytes_after += all[i].bytes;
    if (i >= stalled_wanted && all[i].frames < least) least = all[i].frames;
  }
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  printf("{\"connected\":%d,\"dead\":%d,\"refused\":%llu,\"connect_seconds\":%.3f,\"seconds\":%.3f,"
         "\"frames\":%llu,\"rounds\":%llu,\"bytes\":%llu,\"least_frames\":%llu,\"rows\":%llu,"
         "\"age_p50_ms\":%llu,\"age_p99_ms\":%llu,\"age_p999_ms\":%llu,\"cpu_seconds\":%.3f}\n",
         opened, dead, (unsigned long long)refused, connecting, measured,
         (unsigned long long)(frames - frames_before), (unsigned long long)(rounds - rounds_before),
         (unsigned long long)(bytes_after - bytes_before), (unsigned long long)least,
         (unsigned long long)rows_seen, (unsigned long long)percentile(0.5),
         (unsigned long long)percentile(0.99), (unsigned long long)percentile(0.999),
         (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
             (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
  return 0;
}
