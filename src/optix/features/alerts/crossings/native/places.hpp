// Where the watch with an id lies: open addressing with four bytes for each place.
//
// The ids themselves lie with the watches, which the caller knows: `id_of(place)`. What is removed
// leaves no mark, because those behind it move up.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace optix::crossings {

constexpr uint32_t kNowhere = UINT32_MAX;

class Places {
 public:
  template <class IdOf>
  uint32_t find(int64_t id, const IdOf& id_of) const {
    if (table_.empty()) return kNowhere;
    for (size_t at = home(id);; at = next(at)) {
      if (table_[at] == kNowhere || id_of(table_[at]) == id) return table_[at];
    }
  }

  // The id must not be there.
  template <class IdOf>
  void insert(int64_t id, uint32_t place, const IdOf& id_of) {
    reserve(count_ + 1, id_of);
    put(id, place);
    ++count_;
  }

  // The id must be there.
  template <class IdOf>
  void erase(int64_t id, const IdOf& id_of) {
    size_t hole = home(id);
    while (id_of(table_[hole]) != id) hole = next(hole);
    for (size_t at = next(hole); table_[at] != kNowhere; at = next(at)) {
      if (distance(home(id_of(table_[at])), at) >= distance(hole, at)) {
        table_[hole] = table_[at];
        hole = at;
      }
    }
    table_[hole] = kNowhere;
    --count_;
  }

  // Makes room for so many, at five sixths full or half as many again as before.
  template <class IdOf>
  void reserve(size_t count, const IdOf& id_of) {
    if (count * 8 <= table_.size() * 7) return;
    std::vector<uint32_t> old(std::max(count * 6 / 5 + 8, table_.size() * 3 / 2), kNowhere);
    old.swap(table_);
    for (const uint32_t place : old) {
      if (place != kNowhere) put(id_of(place), place);
    }
  }

 private:
  void put(int64_t id, uint32_t place) {
    size_t at = home(id);
    while (table_[at] != kNowhere) at = next(at);
    table_[at] = place;
  }

  size_t next(size_t at) const { return at + 1 == table_.size() ? 0 : at + 1; }
  size_t distance(size_t from, size_t to) const {
    return to >= from ? to - from : to + table_.size() - from;
  }
  // The upper half of a product with an odd number depends on every bit of the id.
  size_t home(int64_t id) const {
    uint64_t mixed = static_cast<uint64_t>(id) * 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 32)) * 0x9E3779B97F4A7C15u;
    return static_cast<size_t>(((mixed >> 32) * table_.size()) >> 32);
  }

  std::vector<uint32_t> table_;
  size_t count_ = 0;
};

}  // namespace optix::crossings
