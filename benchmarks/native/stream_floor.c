/* The floor under every server: a WebSocket broadcast that does nothing but write, in one thread.
 *
 *   stream_floor SIZE        writes the port it listens on, then serves until it is killed
 *
 * Whoever says "go" makes it send one text frame of SIZE bytes to everybody.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, MOST = 65536 };

static int members[MOST], members_count;
static uint8_t is_open[MOST];
static char frame[70000];
static size_t frame_length;

/* The one key that the load generator sends has this answer. */
static const char ANSWER[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static void prepare(size_t size) {
  frame[0] = (char)0x81;
  if (size < 126) {
    frame[1] = (char)size;
    frame_length = 2;
  } else {
    frame[1] = 126;
    frame[2] = (char)(size >> 8);
    frame[3] = (char)size;
    frame_length = 4;
  }
  memset(frame + frame_length, 'x', size);
  frame_length += size;
}

static void broadcast(void) {
  for (int i = 0; i < members_count; i++) {
    send(members[i], frame, frame_length, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  prepare((size_t)atoi(argv[1]));
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in at = {.sin_family = AF_INET};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 4096) < 0) return 1;
  getsockname(listener, (struct sockaddr *)&at, &size);
  printf("%d\n", ntohs(at.sin_port));
  fflush(stdout);
  int poller = epoll_create1(0);
  struct epoll_event wanted = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &wanted);
  char in[16384];
  for (;;) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(poller, events, EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        int fresh;
        while ((fresh = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          if (fresh >= MOST) { close(fresh); continue; }
          int one = 1;
          setsockopt(fresh, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          is_open[fresh] = 0;
          struct epoll_event reads = {.events = EPOLLIN, .data.fd = fresh};
          epoll_ctl(poller, EPOLL_CTL_ADD, fresh, &reads);
        }
        continue;
      }
      ssize_t got = recv(fd, in, sizeof in, MSG_DONTWAIT);
      if (got <= 0) {
        if (got < 0 && errno == EAGAIN) continue;
        for (int m = 0; m < members_count; m++) {
          if (members[m] == fd) { members[m] = members[--members_count]; break; }
        }
        close(fd);
        continue;
      }
      if (!is_open[fd]) {
        is_open[fd] = 1;
        members[members_count++] = fd;
        send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL);
      } else {
        broadcast();
      }
    }
  }
}
