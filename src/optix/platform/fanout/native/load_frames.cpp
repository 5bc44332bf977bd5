// What comes in: RFC 6455 frames, and of those of docs/streaming.md what can be counted.
#include <sys/epoll.h>

#include <algorithm>
#include <cstddef>

#include "load.hpp"

namespace optix::load {
namespace {

constexpr uint8_t kText = 0x1, kBinary = 0x2, kClose = 0x8, kPing = 0x9, kPong = 0xA;
constexpr size_t kBinaryHead = 24;
constexpr uint8_t kQuotes = 1, kChain = 2;
constexpr size_t kQuoteBytes = 56, kChainBytes = 60;

uint64_t little(std::string_view data, size_t at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = bytes; i-- > 0;) value = value << 8 | static_cast<uint8_t>(data[at + i]);
  return value;
}

bool starts(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

// Read a number at `at` and move behind it and what follows it.
uint64_t number_at(std::string_view text, size_t& at) {
  uint64_t value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    value = value * 10 + static_cast<uint64_t>(text[at++] - '0');
  }
  ++at;
  return value;
}

// The place of `as_of` among the columns of a snapshot's header, or -1.
int32_t age_column(std::string_view header) {
  const std::string_view columns = "\"columns\":[";
  size_t at = header.find(columns);
  if (at == std::string_view::npos) return -1;
  at += columns.size();
  for (int32_t place = 0; at < header.size() && header[at] == '"'; ++place) {
    const size_t ends = header.find('"', at + 1);
    if (ends == std::string_view::npos) return -1;
    if (header.substr(at + 1, ends - at - 1) == "as_of") return place;
    at = ends + 2;
  }
  return -1;
}

// Return the position behind the JSON value at `at`.
size_t behind_value(std::string_view text, size_t at) {
  int depth = 0;
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      else if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      if (depth == 0) return at;  // of what it stands in
      if (--depth == 0) return at + 1;
    } else if (c == ',' && depth == 0) {
      return at;
    }
  }
  return at;
}

std::string error_code(std::string_view payload) {
  const std::string_view key = "\"code\":\"";
  const size_t at = payload.find(key);
  if (at == std::string_view::npos) return "unnamed";
  const size_t begins = at + key.size();
  return std::string(payload.substr(begins, std::min<size_t>(payload.find('"', begins) - begins, 64)));
}

}  // namespace

// Read whole frames; return what is left.
std::string_view Load::take(uint32_t place, std::string_view data) {
  Connection& each = all_[place];
  if (each.state == State::handshake) data = take_answer(place, data);
  while (data.size() >= 2 && (each.state == State::greeting || each.state == State::open)) {
    const uint8_t opcode = static_cast<uint8_t>(data[0]) & 0xF;
    uint64_t length = static_cast<uint8_t>(data[1]) & 0x7F;
    const size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (data.size() < 2 + extra) return data;
    if (extra > 0) {
      length = 0;
      for (size_t i = 0; i < extra; ++i) length = length << 8 | static_cast<uint8_t>(data[2 + i]);
    }
    if (data.size() - 2 - extra < length) return data;
    had_frame(place, opcode, data.substr(2 + extra, length));
    data.remove_prefix(2 + extra + length);
  }
  return each.state == State::handshake || each.state == State::greeting || each.state == State::open
             ? data
             : std::string_view();
}

void Load::had_frame(uint32_t place, uint8_t opcode, std::string_view payload) {
  Connection& each = all_[place];
  if (opcode == kClose) return had_close(place, payload);
  if (opcode == kPing) return say(place, payload, kPong);
  if (opcode != kText && opcode != kBinary) return;
  ++counts_.frames;
  ++each.frames;
  if (!plan_.speaks) {
    had_rows(place, 0, 0, true);
  } else if (opcode == kText) {
    had_text(place, payload);
  } else {
    had_binary(place, payload);
  }
}

void Load::had_close(uint32_t place, std::string_view payload) {
  if (payload.size() < 2) return end(place, "close 1005");
  const unsigned code = static_cast<uint8_t>(payload[0]) << 8 | static_cast<uint8_t>(payload[1]);
  end(place, "close " + std::to_string(code));
}

void Load::had_text(uint32_t place, std::string_view payload) {
  if (starts(payload, "[\"changes\",")) {
    size_t at = 11;
    const auto id = static_cast<uint32_t>(number_at(payload, at));
    const auto number = static_cast<uint32_t>(number_at(payload, at));
    had_rows(place, id, number, false);
    const int32_t column = followed(all_[place], id).age_column;
    read_json_rows(payload.substr(std::min(at, payload.size())),
                   counts_.changes % plan_.sample == 0 ? column : -1);
  } else if (starts(payload, "[\"snapshot\",")) {
    size_t at = 12;
    const auto id = static_cast<uint32_t>(number_at(payload, at));
    const auto number = static_cast<uint32_t>(number_at(payload, at));
    const size_t ends = behind_value(payload, at);
    followed(all_[place], id).age_column = age_column(payload.substr(at, ends - at));
    read_json_rows(payload.substr(std::min(ends + 1, payload.size())), -1);
    had_rows(place, id, number, true);
  } else if (starts(payload, "[\"hello\",")) {
    say_rest(place);
  } else if (starts(payload, "[\"heartbeat\",")) {
    ++counts_.heartbeats;
  } else if (starts(payload, "[\"pong\",")) {
    ++counts_.pongs;
  } else if (starts(payload, "[\"slow\",")) {
    size_t at = 8;
    ++counts_.slow;
    counts_.skipped += number_at(payload, at);
  } else if (starts(payload, "[\"going_away\",")) {
    ++counts_.going_away;
  } else if (starts(payload, "[\"authenticate\",")) {
    ++counts_.hints;
  } else if (starts(payload, "[\"error\",")) {
    ++counts_.errors[error_code(payload)];
  } else if (!starts(payload, "[\"")) {  // frames that are not known are passed over
    ++counts_.unreadable;
  }
}

void Load::had_binary(uint32_t place, std::string_view payload) {
  const uint64_t rows = payload.size() >= kBinaryHead ? little(payload, 12, 4) : 0;
  const uint8_t layout = payload.size() >= kBinaryHead ? static_cast<uint8_t>(payload[1]) : 0;
  const size_t row = layout == kQuotes ? kQuoteBytes : layout == kChain ? kChainBytes : 0;
  if (row == 0 || payload.size() < kBinaryHead + rows * row) {
    ++counts_.unreadable;
    return;
  }
  const bool snapshot = payload[0] == 1;
  had_rows(place, static_cast<uint32_t>(little(payload, 4, 4)),
           static_cast<uint32_t>(little(payload, 8, 4)), snapshot);
  counts_.rows += rows;
  if (snapshot || counts_.changes % plan_.sample != 0) return;
  for (size_t at = kBinaryHead; at < kBinaryHead + rows * row; at += row) {
    age(layout == kQuotes
            ? static_cast<int64_t>(little(payload, at + 46, 2) << 32 | little(payload, at + 48, 4))
            : static_cast<int64_t>(little(payload, at + 56, 2) << 32 | little(payload, at + 52, 4)));
  }
}

// A frame with rows: its number must follow, and a round may be complete.
void Load::had_rows(uint32_t place, uint32_t id, uint32_t number, bool snapshot) {
  Connection& each = all_[place];
  if (plan_.speaks) {
    Followed& one = followed(each, id);
    if (number != (snapshot ? 0 : one.number + 1)) ++counts_.gaps;
    one.number = number;
    ++(snapshot ? counts_.snapshots : counts_.changes);
  }
  if (each.first) {
    each.first = false;
    first_rows_ms_.push_back(static_cast<float>(now_ms() - each.started_ms));
  }
  if (place < plan_.stalled) {
    each.state = State::stalled;
    epoll_ctl(poller_, EPOLL_CTL_DEL, each.descriptor, nullptr);
    return;
  }
  if (!rounds_on_ || each.had) return;
  each.had = true;
  if (++answered_ < counts_.alive) return;
  ++counts_.rounds;
  answered_ = 0;
  for (Connection& other : all_) other.had = false;
  say_round();
}

Load::Followed& Load::followed(Connection& each, uint32_t id) {
  for (Followed& one : each.followed) {
    if (one.id == id) return one;
  }
  each.followed.push_back({id, 0, -1});
  return each.followed.back();
}

void Load::age(int64_t as_of_ms) {
  const int64_t found = wall_ms_ - as_of_ms;
  if (found < -1 || found >= static_cast<int64_t>(kAges)) {
    ++counts_.ages_outside;
    return;
  }
  ++counts_.aged;
  ++ages_[static_cast<size_t>(std::max<int64_t>(found, 0))];
}

// `text` begins with the array of rows: [[…],[…]],… Count them; with a column, look at their ages.
void Load::read_json_rows(std::string_view text, int32_t column) {
  if (column < 0) {
    const size_t ends = behind_value(text, 0);
    const auto opened = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(ends), '[');
    counts_.rows += static_cast<uint64_t>(std::max<std::ptrdiff_t>(opened - 1, 0));
    return;
  }
  for (size_t at = 1; at < text.size() && text[at] == '[';) {
    ++counts_.rows;
    const size_t ends = behind_value(text, at);
    size_t field = at + 1;
    for (int32_t i = 0; i < column && field < ends; ++i) field = behind_value(text, field) + 1;
    if (field < ends && text[field] != 'n') {
      size_t from = field;
      age(static_cast<int64_t>(number_at(text, from)));
    }
    at = ends + 1;
  }
}

}  // namespace optix::load
