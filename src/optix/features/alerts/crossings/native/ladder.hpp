// Keys with the watches that wait at them, of which the lowest go first.
//
// Sorted runs of at most kRunMax, all descending, so that the lowest key is the last of the last run
// and taking it moves nothing. An insertion searches a run, then a place in it, and moves half a run
// at most. Keys and places lie apart, because a search reads keys alone. Equal keys go by id, of
// which the caller knows: `id_of(place)`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace optix::crossings {

constexpr size_t kRunMax = 256;

template <class Key>
class Ladder {
 public:
  bool empty() const { return runs_.empty(); }
  Key lowest() const { return runs_.back().keys.back(); }

  template <class IdOf>
  void insert(Key key, uint32_t place, const IdOf& id_of) {
    if (runs_.empty()) {
      runs_.push_back({{key}, {place}});
      return;
    }
    // What is below all runs becomes the lowest of the last.
    const size_t at = std::min(run_of(key, place, id_of), runs_.size() - 1);
    Run& run = runs_[at];
    const size_t rung = rung_of(run, key, place, id_of);
    put(run.keys, rung, key);
    put(run.places, rung, place);
    if (run.keys.size() > kRunMax) split(at);
  }

  // It must be there.
  template <class IdOf>
  void erase(Key key, uint32_t place, const IdOf& id_of) {
    const size_t at = run_of(key, place, id_of);
    Run& run = runs_[at];
    const auto rung = static_cast<std::ptrdiff_t>(rung_of(run, key, place, id_of));
    run.keys.erase(run.keys.begin() + rung);
    run.places.erase(run.places.begin() + rung);
    if (run.keys.empty()) runs_.erase(runs_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  uint32_t take_lowest() {
    Run& run = runs_.back();
    const uint32_t place = run.places.back();
    run.keys.pop_back();
    run.places.pop_back();
    if (run.keys.empty()) runs_.pop_back();
    return place;
  }

 private:
  struct Run {
    std::vector<Key> keys;
    std::vector<uint32_t> places;
  };

  // The first run that does not end above it.
  template <class IdOf>
  size_t run_of(Key key, uint32_t place, const IdOf& id_of) const {
    return first(runs_.size(), [&](size_t n) {
      return !is_above(runs_[n], runs_[n].keys.size() - 1, key, place, id_of);
    });
  }

  template <class IdOf>
  static size_t rung_of(const Run& run, Key key, uint32_t place, const IdOf& id_of) {
    return first(run.keys.size(), [&](size_t n) { return !is_above(run, n, key, place, id_of); });
  }

  template <class IdOf>
  static bool is_above(const Run& run, size_t rung, Key key, uint32_t place, const IdOf& id_of) {
    if (run.keys[rung] != key) return run.keys[rung] > key;
    return id_of(run.places[rung]) > id_of(place);
  }

  // The first of `count` for which it holds, where it holds for all after that; `count` for none.
  template <class Holds>
  static size_t first(size_t count, const Holds& holds) {
    size_t low = 0;
    while (low < count) {
      const size_t middle = low + (count - low) / 2;
      if (holds(middle)) {
        count = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  // A vector that doubles would leave a quarter of the memory of all ladders unused.
  template <class Value>
  static void put(std::vector<Value>& values, size_t at, Value value) {
    if (values.size() == values.capacity()) values.reserve(values.size() + values.size() / 8 + 4);
    values.insert(values.begin() + static_cast<std::ptrdiff_t>(at), value);
  }

  void split(size_t at) {
    Run low;
    Run& high = runs_[at];
    const auto half = static_cast<std::ptrdiff_t>(high.keys.size() / 2);
    low.keys.assign(high.keys.begin() + half, high.keys.end());
    low.places.assign(high.places.begin() + half, high.places.end());
    high.keys.resize(static_cast<size_t>(half));
    high.places.resize(static_cast<size_t>(half));
    runs_.insert(runs_.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(low));
  }

  std::vector<Run> runs_;
};

}  // namespace optix::crossings
