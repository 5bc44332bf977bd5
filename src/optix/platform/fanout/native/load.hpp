// Readers of a stream by the thousand, in one thread: the engine of `optix stream-load` and of the
// benchmarks. It connects at a pace, says what it is given, reads everything, and counts.
//
// It speaks docs/streaming.md: the first message of a script is said after the handshake, the rest
// after hello; numbers of changes must rise by one; rows tell their age by `as_of`. A plain server of
// frames can be read too (`speaks` false), and asked for its next frame once everybody has one.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace optix::load {

struct Plan {
  std::string address;  // IPv4
  uint16_t port;
  std::string host, path;  // of the request
  uint32_t connections;
  std::vector<std::vector<std::string>> scripts;  // connection i says what stands at i modulo size
  uint32_t sources;     // come from so many 127.0.0.x; 0: from wherever the system chooses
  double per_second;    // new connections; 0 is as fast as they are taken
  uint32_t at_once;     // handshakes that are under way together
  uint32_t stalled;     // the first so many stop reading after their first rows
  bool speaks;          // the protocol of the stream
  std::string round;    // said by the first connection once everybody has had a frame; empty: never
  uint16_t round_port;  // where the same is said in a datagram instead; 0: by the first connection
  uint32_t sample;      // every so many frames the ages of the rows are looked at
  uint32_t ping_ms;     // each connection says something this often
  uint64_t handshake_ms_max;
};

constexpr size_t kAges = 60'000;  // ms; an older row is counted apart

struct Counts {
  uint64_t started = 0, connected = 0, alive = 0, under_way = 0;
  uint64_t frames = 0, bytes = 0, snapshots = 0, changes = 0, rows = 0, gaps = 0;
  uint64_t slow = 0, skipped = 0, heartbeats = 0, pongs = 0, going_away = 0, hints = 0;
  uint64_t unreadable = 0, rounds = 0, aged = 0, ages_outside = 0;
  std::map<std::string, uint64_t> refused, ended, errors;
};

class Load {
 public:
  explicit Load(Plan plan);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void run(double seconds);   // connect, say, read, count
  void begin_rounds();        // ask for the first frame
  void forget();              // ages and the frames of each from here on only
  const Counts& counts() const { return counts_; }
  const std::vector<uint64_t>& ages() const { return ages_; }
  const std::vector<float>& handshakes_ms() const { return handshakes_ms_; }
  const std::vector<float>& first_rows_ms() const { return first_rows_ms_; }
  uint64_t least_frames() const;  // of those who read
  double cpu_seconds() const { return cpu_seconds_; }

 private:
  enum class State : uint8_t { fresh, connecting, handshake, greeting, open, stalled, ended };
  struct Followed {
    uint32_t id = 0, number = 0;
    int32_t age_column = -1;
  };
  struct Connection {
    int descriptor = -1;
    State state = State::fresh;
    bool had = false, first = true;
    double started_ms = 0;
    uint64_t frames = 0;
    std::vector<Followed> followed;
    std::string pending;  // what has not become a whole frame yet
  };

  void connect_some();
  void begin(uint32_t place);
  void connected(uint32_t place);
  void readable(uint32_t place);
  std::string_view take(uint32_t place, std::string_view data);
  std::string_view take_answer(uint32_t place, std::string_view data);
  void had_frame(uint32_t place, uint8_t opcode, std::string_view payload);
  void had_close(uint32_t place, std::string_view payload);
  void had_text(uint32_t place, std::string_view payload);
  void had_binary(uint32_t place, std::string_view payload);
  void had_rows(uint32_t place, uint32_t id, uint32_t number, bool snapshot);
  void say(uint32_t place, std::string_view payload, uint8_t opcode = 0x1);
  void say_rest(uint32_t place);
  void say_round();
  void ping();
  void expire();
  void end(uint32_t place, const std::string& why);
  void age(int64_t as_of_ms);
  void read_json_rows(std::string_view payload, int32_t column);
  Followed& followed(Connection& each, uint32_t id);
  const std::vector<std::string>& script(uint32_t place) const;
  double now_ms() const;

  Plan plan_;
  Counts counts_;
  sockaddr_in to_{};
  int poller_ = -1, datagram_ = -1;
  uint32_t next_ = 0, answered_ = 0, oldest_ = 0;
  double origin_ms_ = 0, ramp_from_ms_ = -1, pinged_ = 0, cpu_seconds_ = 0;
  int64_t wall_ms_ = 0;
  bool rounds_on_ = false;
  std::vector<Connection> all_;
  std::vector<uint64_t> ages_;
  std::vector<float> handshakes_ms_, first_rows_ms_;
  std::vector<char> buffer_;
};

}  // namespace optix::load
