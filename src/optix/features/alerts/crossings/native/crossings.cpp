#include "crossings.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace optix::crossings {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kReadyMax = std::numeric_limits<int64_t>::max();

int64_t later(int64_t at, int64_t by) { return at > kReadyMax - by ? kReadyMax : at + by; }

void report(Turns& turns, int64_t id, Kind kind, int64_t tick) {
  turns.ids.push_back(id);
  turns.kinds.push_back(static_cast<uint8_t>(kind));
  turns.ticks.push_back(tick);
}

void check_series(const int32_t* series, size_t rows, int64_t series_max) {
  uint32_t highest = 0;  // a negative number is a very high one
  for (size_t row = 0; row < rows; ++row) {
    highest = std::max(highest, static_cast<uint32_t>(series[row]));
  }
  if (rows != 0 && highest >= series_max) {
    throw std::invalid_argument("the series is out of its range");
  }
}

}  // namespace

Crossings::Crossings(int64_t series_max) : series_max_(series_max) {
  if (series_max < 1 || series_max > int64_t{1} << kSeriesBits) {
    throw std::invalid_argument("the number of series is out of its range");
  }
}

// Watches

void Crossings::check(const Columns& given) const {
  check_series(given.series, given.rows, series_max_);
  for (size_t row = 0; row < given.rows; ++row) {
    if (given.sides[row] > 3 || given.phases[row] > 2 || given.repeats[row] > 1) {
      throw std::invalid_argument("a code is out of its range");
    }
    const double level = given.levels[row], back = given.backs[row];
    if (!std::isfinite(level) || !std::isfinite(back) || given.cooldowns_ns[row] < 0 ||
        given.ready_ns[row] < 0) {
      throw std::invalid_argument("a number is out of its range");
    }
    if (given.sides[row] % 2 == 0 ? back > level : back < level) {
      throw std::invalid_argument("`back` lies beyond the level");
    }
  }
}

void Crossings::add(const Columns& given) {
  check(given);
  if (given.rows == 0) return;
  const auto highest = static_cast<size_t>(*std::max_element(given.series, given.series + given.rows));
  if (highest >= series_.size()) series_.resize(highest + 1);
  if (highest >= edges_.size()) edges_.resize(highest + 1);
  reserve(given.rows);
  for (size_t row = 0; row < given.rows; ++row) put(given, row);
}

// Many at once get what they need, a few what a growing vector takes.
void Crossings::reserve(size_t more) {
  const size_t needed = size() + more;
  if (more > watches_.size() / 4 && needed > watches_.capacity()) {
    watches_.reserve(needed);
    marks_.reserve(needed);
  }
  places_.reserve(needed, id_of());
}

void Crossings::put(const Columns& given, size_t row) {
  const int64_t id = given.ids[row];
  uint32_t place = places_.find(id, id_of());
  if (place != kNowhere) {
    lift(place);
    --series_[marks_[place].series].watches;
  } else {
    if (free_.empty()) {
      place = static_cast<uint32_t>(watches_.size());
      watches_.emplace_back();
      marks_.emplace_back();
    } else {
      place = free_.back();
      free_.pop_back();
    }
    places_.insert(id, place, id_of());
  }
  watches_[place] = {id, given.levels[row], given.backs[row], given.cooldowns_ns[row],
                     given.ready_ns[row]};
  Mark& mark = marks_[place];
  mark.series = static_cast<uint32_t>(given.series[row]) & ((1u << kSeriesBits) - 1);
  mark.side = given.sides[row] & 3u;
  mark.phase = given.phases[row] & 3u;
  mark.repeats = given.repeats[row] & 1u;
  const uint32_t series = mark.series;
  ++series_[series].watches;
  if (watches_[place].ready_ns <= edges_[series].clock_ns) arm_by_last(place);
  settle(place);
  renew_edge(series);
}

size_t Crossings::remove(const int64_t* ids, size_t count) {
  size_t removed = 0;
  for (size_t row = 0; row < count; ++row) {
    const uint32_t place = places_.find(ids[row], id_of());
    if (place == kNowhere) continue;
    lift(place);
    --series_[marks_[place].series].watches;
    places_.erase(ids[row], id_of());
    free_.push_back(place);
    ++removed;
  }
  return removed;
}

// What turns a watch, as the first value that does: the next double where it has to be passed.
Crossings::Rung Crossings::rung_of(uint32_t place) const {
  const Watch& watch = watches_[place];
  const Mark mark = marks_[place];
  const bool armed = phase(mark) == Phase::armed;
  const bool rises = is_rising(mark) == armed;
  const double level = phase(mark) == Phase::spent ? watch.back : watch.level;
  const double key = rises ? level : -level;
  return {rises, armed ? key : std::nextafter(key, kInfinity)};
}

void Crossings::settle(uint32_t place) {
  const Mark mark = marks_[place];
  if (is_over(mark)) return;
  Series& home = series_[mark.series];
  if (watches_[place].ready_ns > edges_[mark.series].clock_ns) {
    home.deaf.insert(watches_[place].ready_ns, place, id_of());
    return;
  }
  const Rung rung = rung_of(place);
  (rung.rises ? home.rise : home.fall).insert(rung.key, place, id_of());
}

// The edge stays where it was, too near perhaps: the tick that comes to it looks, and renews it.
void Crossings::lift(uint32_t place) {
  const Mark mark = marks_[place];
  if (is_over(mark)) return;
  Series& home = series_[mark.series];
  if (watches_[place].ready_ns > edges_[mark.series].clock_ns) {
    home.deaf.erase(watches_[place].ready_ns, place, id_of());
    return;
  }
  const Rung rung = rung_of(place);
  (rung.rises ? home.rise : home.fall).erase(rung.key, place, id_of());
}

bool Crossings::arm_by_last(uint32_t place) {
  Mark& mark = marks_[place];
  if (phase(mark) == Phase::armed || is_over(mark)) return false;
  const Rung rung = rung_of(place);
  const double last = edges_[mark.series].last;  // NaN before the first: nothing is reached
  if (!((rung.rises ? last : -last) >= rung.key)) return false;
  mark.phase = static_cast<uint32_t>(Phase::armed) & 3u;
  return true;
}

void Crossings::renew_edge(uint32_t series) {
  Edge& edge = edges_[series];
  const Series& home = series_[series];
  edge.rise = home.rise.empty() ? kInfinity : home.rise.lowest();
  edge.fall = home.fall.empty() ? kInfinity : home.fall.lowest();
  edge.wake_ns = home.deaf.empty() ? kReadyMax : home.deaf.lowest();
}

// Ticks

void Crossings::check(const Ticks& ticks) const {
  check_series(ticks.series, ticks.rows, series_max_);
}

void Crossings::remember(const Ticks& seen) {
  check(seen);
  for (size_t row = 0; row < seen.rows; ++row) {
    const auto series = static_cast<size_t>(seen.series[row]);
    if (series < series_.size() && series_[series].watches != 0) {
      throw std::invalid_argument("this series has watches");
    }
    if (!std::isfinite(seen.values[row]) || seen.at_ns[row] < 0) {
      throw std::invalid_argument("what was seen is out of its range");
    }
  }
  for (size_t row = 0; row < seen.rows; ++row) {
    const auto series = static_cast<size_t>(seen.series[row]);
    if (series >= edges_.size()) edges_.resize(series + 1);
    edges_[series].last = seen.values[row];
    edges_[series].clock_ns = seen.at_ns[row];
  }
}

Turns Crossings::apply(const Ticks& ticks) {
  check(ticks);
  Turns turns;
  if (ticks.rows == 0) return turns;
  const auto highest = static_cast<size_t>(*std::max_element(ticks.series, ticks.series + ticks.rows));
  if (highest >= edges_.size()) edges_.resize(highest + 1);
  for (size_t row = 0; row < ticks.rows; ++row) {
    const double value = ticks.values[row];
    if (!std::isfinite(value)) continue;
    const auto series = static_cast<uint32_t>(ticks.series[row]);
    Edge& edge = edges_[series];
    edge.clock_ns = std::max(edge.clock_ns, ticks.at_ns[row]);
    // One branch for the three: nearly always none of them holds.
    if ((value >= edge.rise) | (-value >= edge.fall) | (edge.clock_ns >= edge.wake_ns)) {
      turn_all(series, value, static_cast<int64_t>(row), turns);
    }
    edge.last = value;
  }
  return turns;
}

void Crossings::turn_all(uint32_t series, double value, int64_t tick, Turns& turns) {
  if (series >= series_.size()) return;  // the clock stands at its end, and nothing was ever added
  Series& home = series_[series];
  Edge& edge = edges_[series];
  while (!home.deaf.empty() && home.deaf.lowest() <= edge.clock_ns) {
    const uint32_t place = home.deaf.take_lowest();
    if (arm_by_last(place)) report(turns, watches_[place].id, Kind::armed, tick);
    settle(place);
  }
  while (!home.rise.empty() && value >= home.rise.lowest()) turn(home.rise.take_lowest(), tick, turns);
  while (!home.fall.empty() && -value >= home.fall.lowest()) turn(home.fall.take_lowest(), tick, turns);
  renew_edge(series);
}

// The watch is on no ladder; what it waits for was reached.
void Crossings::turn(uint32_t place, int64_t tick, Turns& turns) {
  Watch& watch = watches_[place];
  Mark& mark = marks_[place];
  if (phase(mark) != Phase::armed) {
    mark.phase = static_cast<uint32_t>(Phase::armed) & 3u;
    report(turns, watch.id, Kind::armed, tick);
  } else {
    mark.phase = static_cast<uint32_t>(Phase::spent) & 3u;
    report(turns, watch.id, Kind::fired, tick);
    if (mark.repeats == 0) {
      report(turns, watch.id, Kind::spent, tick);
    } else {
      watch.ready_ns = later(edges_[mark.series].clock_ns, watch.cooldown_ns);
    }
  }
  settle(place);
}

// State

void Crossings::write(uint32_t place, OwnedColumns& columns) const {
  const Watch& watch = watches_[place];
  const Mark mark = marks_[place];
  columns.ids.push_back(watch.id);
  columns.series.push_back(static_cast<int32_t>(mark.series));
  columns.sides.push_back(static_cast<uint8_t>(mark.side));
  columns.levels.push_back(watch.level);
  columns.backs.push_back(watch.back);
  columns.repeats.push_back(static_cast<uint8_t>(mark.repeats));
  columns.cooldowns_ns.push_back(watch.cooldown_ns);
  columns.phases.push_back(static_cast<uint8_t>(mark.phase));
  columns.ready_ns.push_back(watch.ready_ns);
}

OwnedColumns Crossings::get(const int64_t* ids, size_t count) const {
  OwnedColumns found;
  for (size_t row = 0; row < count; ++row) {
    const uint32_t place = places_.find(ids[row], id_of());
    if (place == kNowhere) throw std::out_of_range("there is no such watch");
    write(place, found);
  }
  return found;
}

OwnedColumns Crossings::watches() const {
  std::vector<bool> is_free(watches_.size(), false);
  for (const uint32_t place : free_) is_free[place] = true;
  std::vector<uint32_t> order;
  order.reserve(size());
  for (uint32_t place = 0; place < watches_.size(); ++place) {
    if (!is_free[place]) order.push_back(place);
  }
  std::sort(order.begin(), order.end(),
            [this](uint32_t a, uint32_t b) { return watches_[a].id < watches_[b].id; });
  OwnedColumns all;
  for (const uint32_t place : order) write(place, all);
  return all;
}

OwnedTicks Crossings::seen() const {
  OwnedTicks seen;
  for (size_t series = 0; series < edges_.size(); ++series) {
    if (std::isnan(edges_[series].last)) continue;
    seen.series.push_back(static_cast<int32_t>(series));
    seen.values.push_back(edges_[series].last);
    seen.at_ns.push_back(edges_[series].clock_ns);
  }
  return seen;
}

}  // namespace optix::crossings
