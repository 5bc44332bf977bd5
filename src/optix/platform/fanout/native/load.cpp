// Connections: how they begin, speak and end. What their frames say is read in load_frames.cpp.
#include "load.hpp"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace optix::load {
namespace {

constexpr int kEvents = 1024, kWaitMs = 5, kStalledBuffer = 4096;
constexpr timespec kPause = {0, 1'000'000};
constexpr size_t kRead = 1 << 18, kKept = 1 << 12;
// The one key that is sent, and its answer (RFC 6455 section 1.3).
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

double seconds_of(clockid_t clock) {
  timespec at;
  clock_gettime(clock, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
}

}  // namespace

Load::Load(Plan plan) : plan_(std::move(plan)), all_(plan_.connections), ages_(kAges), buffer_(kRead) {
  if (plan_.scripts.empty()) throw std::invalid_argument("somebody has to say something");
  to_.sin_family = AF_INET;
  to_.sin_port = htons(plan_.port);
  if (inet_pton(AF_INET, plan_.address.c_str(), &to_.sin_addr) != 1) {
    throw std::invalid_argument("the address is not IPv4");
  }
  poller_ = epoll_create1(EPOLL_CLOEXEC);
  if (plan_.round_port != 0) datagram_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (poller_ < 0) throw std::runtime_error(std::strerror(errno));
  origin_ms_ = seconds_of(CLOCK_MONOTONIC) * 1e3;
}

Load::~Load() {
  for (Connection& each : all_) {
    if (each.descriptor >= 0) ::close(each.descriptor);
  }
  if (datagram_ >= 0) ::close(datagram_);
  if (poller_ >= 0) ::close(poller_);
}

double Load::now_ms() const { return seconds_of(CLOCK_MONOTONIC) * 1e3 - origin_ms_; }

const std::vector<std::string>& Load::script(uint32_t place) const {
  return plan_.scripts[place % plan_.scripts.size()];
}

void Load::run(double seconds) {
  const double cpu = seconds_of(CLOCK_THREAD_CPUTIME_ID);
  const double until = now_ms() + seconds * 1e3;
  if (ramp_from_ms_ < 0) ramp_from_ms_ = now_ms();
  epoll_event events[kEvents];
  do {
    connect_some();
    // Whoever waits in the kernel is woken by each frame, on the account of the server that sends it
    // where both are on one machine; a phone is not. So readers look each millisecond what has come.
    // A round is a conversation, and waits.
    const int ready = epoll_wait(poller_, events, kEvents, rounds_on_ ? kWaitMs : 0);
    wall_ms_ = static_cast<int64_t>(seconds_of(CLOCK_REALTIME) * 1e3);
    for (int i = 0; i < ready; ++i) {
      const uint32_t place = events[i].data.u32;
      if (all_[place].state == State::connecting) {
        connected(place);
      } else if (all_[place].descriptor >= 0 && all_[place].state != State::stalled) {
        readable(place);
      }
    }
    ping();
    expire();
    if (!rounds_on_ && ready < kEvents) nanosleep(&kPause, nullptr);
  } while (now_ms() < until);
  cpu_seconds_ += seconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu;
}

void Load::connect_some() {
  const uint64_t paced = plan_.per_second <= 0
                             ? plan_.connections
                             : static_cast<uint64_t>((now_ms() - ramp_from_ms_) / 1e3 * plan_.per_second) + 1;
  while (next_ < plan_.connections && next_ < paced && counts_.under_way < plan_.at_once) begin(next_++);
}

void Load::begin(uint32_t place) {
  Connection& each = all_[place];
  ++counts_.started;
  ++counts_.under_way;
  each.started_ms = now_ms();
  each.state = State::connecting;
  each.descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (each.descriptor < 0) return end(place, "no file descriptor");
  const linger at_once = {1, 0};  // no TIME_WAIT: the next run needs the ports
  setsockopt(each.descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  const int one = 1;
  setsockopt(each.descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (place < plan_.stalled) {
    setsockopt(each.descriptor, SOL_SOCKET, SO_RCVBUF, &kStalledBuffer, sizeof kStalledBuffer);
  }
  if (plan_.sources > 0) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + place % plan_.sources);
    // The port is chosen when the destination is known, so that every pair has all of them.
    setsockopt(each.descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (::bind(each.descriptor, reinterpret_cast<sockaddr*>(&from), sizeof from) < 0) {
      return end(place, std::strerror(errno));
    }
  }
  const int failed = ::connect(each.descriptor, reinterpret_cast<sockaddr*>(&to_), sizeof to_);
  if (failed < 0 && errno != EINPROGRESS) return end(place, std::strerror(errno));
  epoll_event wanted{};
  wanted.events = EPOLLOUT;
  wanted.data.u32 = place;
  epoll_ctl(poller_, EPOLL_CTL_ADD, each.descriptor, &wanted);
}

void Load::connected(uint32_t place) {
  Connection& each = all_[place];
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(each.descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return end(place, std::strerror(error));
  std::string request = "GET " + plan_.path + " HTTP/1.1\r\nHost: " + plan_.host +
                        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ";
  request.append(kKey).append("\r\nSec-WebSocket-Version: 13\r\n\r\n");
  each.state = State::handshake;
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.u32 = place;
  epoll_ctl(poller_, EPOLL_CTL_MOD, each.descriptor, &wanted);
  const ssize_t sent = ::send(each.descriptor, request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) end(place, "the request was not taken");
}

void Load::readable(uint32_t place) {
  Connection& each = all_[place];
  for (;;) {
    const ssize_t got = ::recv(each.descriptor, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) return end(place, std::strerror(errno));
    if (got == 0) return end(place, "lost");
    counts_.bytes += static_cast<uint64_t>(got);
    std::string_view data(buffer_.data(), static_cast<size_t>(got));
    if (each.pending.empty()) {
      each.pending.assign(take(place, data));
    } else {
      std::string whole = std::move(each.pending);
      whole.append(data);
      each.pending.assign(take(place, whole));
    }
    if (each.pending.empty() && each.pending.capacity() > kKept) std::string().swap(each.pending);
    if (each.state == State::ended || each.state == State::stalled) return;
    if (static_cast<size_t>(got) < buffer_.size()) return;
  }
}

// Return what is left of the answer to the request once it is whole.
std::string_view Load::take_answer(uint32_t place, std::string_view data) {
  const size_t ends = data.find("\r\n\r\n");
  if (ends == std::string_view::npos) {
    if (data.size() > kKept) end(place, "no WebSocket");
    return all_[place].state == State::ended ? std::string_view() : data;
  }
  const std::string_view head = data.substr(0, ends);
  if (head.substr(0, 12) != "HTTP/1.1 101") {
    end(place, head.size() > 12 ? "http " + std::string(head.substr(9, 3)) : "no WebSocket");
    return {};
  }
  if (head.find(kAccept) == std::string_view::npos) {
    end(place, "no WebSocket");
    return {};
  }
  all_[place].state = State::greeting;
  const auto& words = script(place);
  if (!words.empty()) say(place, words.front());
  if (!plan_.speaks) say_rest(place);
  return data.substr(ends + 4);
}

// The connection stands: what follows the greeting is said.
void Load::say_rest(uint32_t place) {
  Connection& each = all_[place];
  if (each.state != State::greeting) return;
  each.state = State::open;
  --counts_.under_way;
  ++counts_.connected;
  ++counts_.alive;
  handshakes_ms_.push_back(static_cast<float>(now_ms() - each.started_ms));
  const auto& words = script(place);
  for (size_t i = 1; i < words.size() && each.state == State::open; ++i) say(place, words[i]);
}

// A client masks; a mask of zeros is one, and leaves the bytes as they are.
void Load::say(uint32_t place, std::string_view payload, uint8_t opcode) {
  std::string frame;
  frame.push_back(static_cast<char>(0x80 | opcode));
  if (payload.size() < 126) {
    frame.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    frame.push_back(static_cast<char>(0x80 | 126));
    frame.push_back(static_cast<char>(payload.size() >> 8));
    frame.push_back(static_cast<char>(payload.size()));
  }
  frame.append(4, '\0').append(payload);
  const ssize_t sent =
      ::send(all_[place].descriptor, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != static_cast<ssize_t>(frame.size())) end(place, "what it says is not taken");
}

void Load::begin_rounds() {
  rounds_on_ = true;
  answered_ = 0;
  for (Connection& each : all_) each.had = false;
  say_round();
}

void Load::say_round() {
  if (datagram_ < 0) return say(0, plan_.round);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(plan_.round_port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::sendto(datagram_, plan_.round.data(), plan_.round.size(), 0,
           reinterpret_cast<sockaddr*>(&where), sizeof where);
}

// Each says something every `ping_ms`, and not all at the same time.
void Load::ping() {
  if (!plan_.speaks || plan_.ping_ms == 0) return;
  const double due = now_ms() / plan_.ping_ms * plan_.connections;
  const std::string text = "{\"op\":\"ping\",\"t\":" + std::to_string(wall_ms_) + "}";
  for (; pinged_ + 1 <= due; pinged_ += 1) {
    const auto place = static_cast<uint32_t>(static_cast<uint64_t>(pinged_) % plan_.connections);
    if (all_[place].state == State::open) say(place, text);
  }
}

void Load::expire() {
  while (oldest_ < next_) {
    const Connection& each = all_[oldest_];
    const bool waits = each.state < State::open;
    if (waits && now_ms() - each.started_ms < static_cast<double>(plan_.handshake_ms_max)) return;
    if (waits) {
      end(oldest_, each.state == State::connecting  ? "not connected in time"
                   : each.state == State::handshake ? "no handshake in time"
                                                    : "no hello in time");
    }
    ++oldest_;
  }
}

void Load::end(uint32_t place, const std::string& why) {
  Connection& each = all_[place];
  if (each.state == State::ended) return;
  const bool stood = each.state == State::open || each.state == State::stalled;
  ++(stood ? counts_.ended : counts_.refused)[why];
  --(stood ? counts_.alive : counts_.under_way);
  each.state = State::ended;
  if (each.descriptor >= 0) ::close(each.descriptor);  // leaves the poller by itself
  each.descriptor = -1;
  each.followed = {};
}

void Load::forget() {
  std::fill(ages_.begin(), ages_.end(), 0);
  counts_.aged = counts_.ages_outside = 0;
  for (Connection& each : all_) each.frames = 0;
}

uint64_t Load::least_frames() const {
  uint64_t least = UINT64_MAX;
  for (const Connection& each : all_) {
    if (each.state == State::open) least = std::min(least, each.frames);
  }
  return least == UINT64_MAX ? 0 : least;
}

}  // namespace optix::load
