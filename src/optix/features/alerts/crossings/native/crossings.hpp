// Which thresholds a tick crosses. What a watch is and does: core.py.
//
// A series has two ladders, of watches that a higher value turns and of those that a lower one does,
// the latter with negated keys, so that both are taken from their lowest key up. A third has those
// that are deaf, by the stamp at which they listen again. The lowest keys of the three, the clock and
// the last value of a series lie together: a tick that turns nothing reads these and no more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "ladder.hpp"
#include "places.hpp"

namespace optix::crossings {

constexpr uint32_t kSeriesBits = 27;

enum class Side : uint8_t { above = 0, below = 1, crosses_up = 2, crosses_down = 3 };
enum class Phase : uint8_t { fresh = 0, armed = 1, spent = 2 };
enum class Kind : uint8_t { armed = 0, fired = 1, spent = 2 };

// Watches in columns of `rows` values.
struct Columns {
  size_t rows;
  const int64_t* ids;
  const int32_t* series;
  const uint8_t* sides;
  const double* levels;
  const double* backs;
  const uint8_t* repeats;
  const int64_t* cooldowns_ns;
  const uint8_t* phases;
  const int64_t* ready_ns;
};

struct OwnedColumns {
  std::vector<int64_t> ids;
  std::vector<int32_t> series;
  std::vector<uint8_t> sides;
  std::vector<double> levels, backs;
  std::vector<uint8_t> repeats;
  std::vector<int64_t> cooldowns_ns;
  std::vector<uint8_t> phases;
  std::vector<int64_t> ready_ns;
};

struct Ticks {
  size_t rows;
  const int32_t* series;
  const double* values;
  const int64_t* at_ns;
};

struct OwnedTicks {
  std::vector<int32_t> series;
  std::vector<double> values;
  std::vector<int64_t> at_ns;
};

struct Turns {
  std::vector<int64_t> ids;
  std::vector<uint8_t> kinds;
  std::vector<int64_t> ticks;
};

class Crossings {
 public:
  explicit Crossings(int64_t series_max);
  Crossings(const Crossings&) = delete;
  Crossings& operator=(const Crossings&) = delete;

  size_t size() const { return watches_.size() - free_.size(); }
  void add(const Columns& given);
  size_t remove(const int64_t* ids, size_t count);
  void remember(const Ticks& seen);
  Turns apply(const Ticks& ticks);
  OwnedColumns get(const int64_t* ids, size_t count) const;
  OwnedColumns watches() const;
  OwnedTicks seen() const;

 private:
  struct Watch {
    int64_t id;
    double level, back;
    int64_t cooldown_ns, ready_ns;
  };
  // Apart from the watch, or alignment would make it 48 bytes.
  struct Mark {
    uint32_t series : kSeriesBits, side : 2, phase : 2, repeats : 1;
  };
  struct Edge {
    double rise = std::numeric_limits<double>::infinity();
    double fall = std::numeric_limits<double>::infinity();
    int64_t wake_ns = std::numeric_limits<int64_t>::max();
    int64_t clock_ns = 0;
    double last = std::numeric_limits<double>::quiet_NaN();
  };
  struct Series {
    Ladder<double> rise, fall;
    Ladder<int64_t> deaf;
    uint32_t watches = 0;
  };
  struct Rung {
    bool rises;
    double key;
  };

  void check(const Ticks& ticks) const;
  void check(const Columns& given) const;
  void reserve(size_t more);
  void put(const Columns& given, size_t row);
  void settle(uint32_t place);
  void lift(uint32_t place);
  bool arm_by_last(uint32_t place);
  void turn_all(uint32_t series, double value, int64_t tick, Turns& turns);
  void turn(uint32_t place, int64_t tick, Turns& turns);
  void renew_edge(uint32_t series);
  Rung rung_of(uint32_t place) const;
  void write(uint32_t place, OwnedColumns& columns) const;

  bool is_over(Mark mark) const { return phase(mark) == Phase::spent && mark.repeats == 0; }
  static Phase phase(Mark mark) { return static_cast<Phase>(mark.phase); }
  static bool is_rising(Mark mark) { return mark.side % 2 == 0; }
  auto id_of() const {
    return [this](uint32_t place) { return watches_[place].id; };
  }

  int64_t series_max_;
  std::vector<Edge> edges_;
  std::vector<Series> series_;
  std::vector<Watch> watches_;
  std::vector<Mark> marks_;
  std::vector<uint32_t> free_;
  Places places_;
};

}  // namespace optix::crossings
