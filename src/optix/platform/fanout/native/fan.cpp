#include "fan.hpp"

#include "frames.hpp"

#include <errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace optix::fan {

Fan::Fan(Limits limits) : limits_(limits), wheel_(limits.wheel_slices) {
  if (limits.wheel_slices == 0) throw std::invalid_argument("a wheel has slices");
}

uint32_t Fan::add_slot() {
  uint32_t place;
  if (free_slots_.empty()) {
    place = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
    rows_.push_back(0);
  } else {
    place = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[place].used = true;
  return place;
}

void Fan::remove_slot(uint32_t slot) {
  Slot& each = slots_.at(slot);
  if (!each.used) throw std::invalid_argument("there is no such slot");
  if (each.followers != 0) throw std::invalid_argument("somebody follows this slot");
  if (each.id >= 0) bound_[static_cast<size_t>(each.id)] = -1;
  set_parts(slot, {});
  each = Slot{};
  rows_[slot] = 0;
  free_slots_.push_back(slot);
}

void Fan::set(uint32_t slot, std::string_view json, std::string_view binary) {
  Slot& each = slots_.at(slot);
  if (!each.used) throw std::invalid_argument("there is no such slot");
  each.json.assign(json);
  each.binary.assign(binary);
  each.sequence = ++sequence_;
  rows_[slot] = json.empty() ? 0 : sequence_;
}

const Fan::Slot& Fan::slot(uint32_t place) const {
  const Slot& each = slots_.at(place);
  if (!each.used) throw std::invalid_argument("there is no such slot");
  return each;
}

void Fan::bind(uint32_t id, uint32_t place, int64_t name) {
  slot(place);
  if (id >= limits_.ids_max) throw std::invalid_argument("the id is beyond the bound");
  if (id >= bound_.size()) bound_.resize(std::max<size_t>(id + 1, bound_.size() * 2), -1);
  unbind(id);
  if (slots_[place].id >= 0) unbind(static_cast<uint32_t>(slots_[place].id));
  bound_[id] = place;
  slots_[place].id = id;
  slots_[place].name = name;
}

void Fan::unbind(uint32_t id) {
  if (id >= bound_.size() || bound_[id] < 0) return;
  slots_[static_cast<size_t>(bound_[id])].id = -1;
  bound_[id] = -1;
}

bool Fan::set_bound(uint32_t id, std::string_view json, std::string_view binary) {
  if (id >= bound_.size() || bound_[id] < 0) return false;
  const auto place = static_cast<uint32_t>(bound_[id]);
  set(place, json, binary);
  Slot& each = slots_[place];
  if (each.name >= 0 && binary.size() >= 4) {
    write_u32(each.binary, 0, static_cast<uint32_t>(each.name));
  }
  return true;
}

void Fan::set_parts(uint32_t place, std::vector<Part> parts) {
  slot(place);
  for (const Part& part : parts) {
    if (!slot(part.slot).parts.empty() || part.slot == place) {
      throw std::invalid_argument("a part has no parts");
    }
  }
  for (const Part& part : parts) ++slots_[part.slot].followers;
  for (const Part& part : slots_[place].parts) --slots_[part.slot].followers;
  slots_[place].parts = std::move(parts);
}

void Fan::clear(uint32_t place) {
  slot(place);
  Slot& each = slots_[place];
  each.json.clear();
  each.binary.clear();
  rows_[place] = 0;
}

uint64_t Fan::add_client(int descriptor, bool binary, uint32_t interval_slices) {
  if (interval_slices == 0 || interval_slices >= limits_.wheel_slices) {
    throw std::invalid_argument("the interval is not within the wheel");
  }
  if (descriptor < 0) throw std::invalid_argument("there is no such descriptor");
  uint32_t place;
  if (free_clients_.empty()) {
    place = static_cast<uint32_t>(clients_.size());
    clients_.emplace_back();
  } else {
    place = free_clients_.back();
    free_clients_.pop_back();
  }
  Client& each = clients_[place];
  const uint32_t generation = each.generation;
  each = Client{};
  each.generation = generation;
  each.descriptor = descriptor;
  each.binary = binary;
  each.interval = interval_slices;
  ++living_;
  // Spread over the slices, so that no slice has more than its share.
  wheel_[(slice_ + 1 + place % interval_slices) % wheel_.size()].push_back(handle_of(place));
  return handle_of(place);
}

Fan::Client& Fan::client(uint64_t handle) {
  return const_cast<Client&>(std::as_const(*this).client(handle));
}

const Fan::Client& Fan::client(uint64_t handle) const {
  const auto place = static_cast<uint32_t>(handle);
  if (place >= clients_.size() || clients_[place].descriptor < 0 ||
      clients_[place].generation != static_cast<uint32_t>(handle >> 32)) {
    throw std::out_of_range("there is no such client");
  }
  return clients_[place];
}

void Fan::release(Client& each) {
  for (const Subscription& subscription : each.subscriptions) {
    for (uint32_t slot : subscription.slots) --slots_[slot].followers;
    if (subscription.header >= 0) --slots_[static_cast<uint32_t>(subscription.header)].followers;
  }
  const uint32_t generation = each.generation + 1;  // every handle of before is another's now
  each = Client{};
  each.generation = generation;
}

std::string Fan::remove_client(uint64_t handle) {
  Client& each = client(handle);
  std::string rest = std::move(each.remainder);
  release(each);
  free_clients_.push_back(static_cast<uint32_t>(handle));
  --living_;
  return rest;
}

void Fan::set_interval(uint64_t handle, uint32_t interval_slices) {
  if (interval_slices == 0 || interval_slices >= limits_.wheel_slices) {
    throw std::invalid_argument("the interval is not within the wheel");
  }
  client(handle).interval = interval_slices;
}

void Fan::subscribe(uint64_t handle, Request request) {
  Client& each = client(handle);
  for (uint32_t place : request.slots) slot(place);
  if (request.header > UINT32_MAX) throw std::out_of_range("there is no such slot");
  if (request.header >= 0) slot(static_cast<uint32_t>(request.header));
  unsubscribe(handle, request.id);  // again is anew: numbers from the beginning
  for (uint32_t place : request.slots) ++slots_[place].followers;
  if (request.header >= 0) ++slots_[static_cast<size_t>(request.header)].followers;
  const bool snapshot = request.seen < 0;
  Subscription fresh;
  fresh.id = request.id;
  fresh.number = 0;
  fresh.seen = snapshot ? 0 : static_cast<uint64_t>(request.seen);
  // The head of a snapshot is as old as the subscription, so it may be older than the frame; who
  // continues is told the header again.
  fresh.told = snapshot ? sequence_ : 0;
  fresh.header = request.header;
  fresh.layout = request.layout;
  fresh.snapshot = snapshot;
  fresh.slots = std::move(request.slots);
  if (snapshot) {
    // A crowd that comes to one chain has one head: as long as its rows.
    if (head_ == nullptr || *head_ != request.head) {
      head_ = std::make_shared<const std::string>(std::move(request.head));
    }
    fresh.head = head_;
  }
  each.subscriptions.push_back(std::move(fresh));
  hurry(static_cast<uint32_t>(handle));
}

bool Fan::unsubscribe(uint64_t handle, uint32_t id) {
  auto& subscriptions = client(handle).subscriptions;
  const auto found = std::find_if(subscriptions.begin(), subscriptions.end(),
                                  [id](const Subscription& each) { return each.id == id; });
  if (found == subscriptions.end()) return false;
  for (uint32_t slot : found->slots) --slots_[slot].followers;
  if (found->header >= 0) --slots_[static_cast<size_t>(found->header)].followers;
  subscriptions.erase(found);
  return true;
}

void Fan::push(uint64_t handle, std::string_view payload, uint8_t opcode) {
  const bool control = opcode >= kClose && opcode <= kPong;
  if (!control && opcode != kText && opcode != kBinary) {
    throw std::invalid_argument("there is no such opcode");
  }
  if (control && payload.size() >= 126) throw std::invalid_argument("a control frame is short");
  Client& each = client(handle);
  if (each.closing) return;  // nothing follows a close frame
  each.closing = opcode == kClose;
  put_frame(each.control, opcode, payload);
  hurry(static_cast<uint32_t>(handle));
}

void Fan::broadcast(std::string_view payload, uint32_t part, uint32_t parts) {
  if (parts == 0 || part >= parts) throw std::invalid_argument("there is no such part");
  for (size_t place = part; place < clients_.size(); place += parts) {
    Client& each = clients_[place];
    if (each.descriptor >= 0 && !each.ended && !each.closing) put_frame(each.control, kText, payload);
  }
}

uint64_t Fan::pending(uint64_t handle) const {
  const Client& each = client(handle);
  return each.control.size() + each.remainder.size();
}

void Fan::hurry(uint32_t place) {
  if (clients_[place].urgent) return;
  clients_[place].urgent = true;
  urgent_.push_back(handle_of(place));
}

// A frame of which the socket takes parts is finished with the next ticks, not with the interval;
// one that takes nothing is left alone until then.
void Fan::go_on(uint32_t place) {
  const Client& each = clients_[place];
  if (!each.ended && each.stuck_since_ms == 0 && !each.remainder.empty()) hurry(place);
}

uint64_t Fan::handle_of(uint32_t place) const {
  return (static_cast<uint64_t>(clients_[place].generation) << 32) | place;
}

bool Fan::is_here(uint64_t handle) const {
  const Client& each = clients_[static_cast<uint32_t>(handle)];
  return each.descriptor >= 0 && !each.ended &&
         each.generation == static_cast<uint32_t>(handle >> 32);
}

// Ask for the memory of who is written to next but one, and of what the next one follows: thousands
// of clients are in no cache, and the kernel takes its time with the one before.
void Fan::fetch(uint64_t next, uint64_t next_but_one) const {
  __builtin_prefetch(&clients_[static_cast<uint32_t>(next_but_one)]);
  for (const Subscription& each : clients_[static_cast<uint32_t>(next)].subscriptions) {
    for (size_t at = 0; at < each.slots.size(); at += 16) __builtin_prefetch(&each.slots[at]);
  }
}

std::vector<Event> Fan::tick(uint64_t slice, uint64_t now_ms) {
  std::vector<Event> events;
  std::vector<uint64_t> urgent;
  urgent.swap(urgent_);
  for (uint64_t handle : urgent) {
    if (!is_here(handle)) continue;
    const auto place = static_cast<uint32_t>(handle);
    clients_[place].urgent = false;
    flush(place, now_ms, events);
    go_on(place);
  }
  // A late caller is given every slice it missed, once around the wheel at the most.
  const uint64_t from = std::max(slice_ + 1, slice >= wheel_.size() ? slice - wheel_.size() + 1 : 1);
  for (uint64_t each = from; each <= slice; ++each) {
    std::vector<uint64_t> due;
    due.swap(wheel_[each % wheel_.size()]);
    slice_ = each;
    for (size_t next = 0; next < due.size(); ++next) {
      if (next + 2 < due.size()) fetch(due[next + 1], due[next + 2]);
      const uint64_t handle = due[next];
      if (!is_here(handle)) continue;
      const auto place = static_cast<uint32_t>(handle);
      flush(place, now_ms, events);
      if (is_here(handle)) {
        go_on(place);
        wheel_[(each + clients_[place].interval) % wheel_.size()].push_back(handle);
      }
    }
  }
  slice_ = std::max(slice_, slice);
  return events;
}

void Fan::end(uint32_t place, Ending ending, std::vector<Event>& events) {
  Client& each = clients_[place];
  each.ended = true;  // its owner is told, closes the connection, and removes it
  events.push_back({handle_of(place), ending});
}

// Put one subscription's news behind `frame_`. False where there are none.
bool Fan::compose(Client& each, Subscription& subscription) {
  const bool binary = each.binary, snapshot = subscription.snapshot;
  std::string_view header;
  if (subscription.header >= 0) {
    header = header_since(slots_[static_cast<size_t>(subscription.header)], subscription.told);
  }
  const size_t before = frame_.size(), payload = begin_frame(frame_);
  if (binary) {
    frame_.push_back(static_cast<char>(snapshot ? kSnapshot : kChanges));
    frame_.push_back(static_cast<char>(subscription.layout));
    frame_.append(2, '\0');
    put_u32(frame_, subscription.id);
    put_u32(frame_, snapshot ? 0 : subscription.number + 1);
    put_u32(frame_, 0);  // rows, known at the end
    put_u64(frame_, sequence_);
  } else {
    frame_.append(snapshot ? "[\"snapshot\"," : "[\"changes\",");
    put_number(frame_, subscription.id);
    frame_.push_back(',');
    put_number(frame_, snapshot ? 0 : subscription.number + 1);
    if (snapshot) frame_.append(1, ',').append(*subscription.head);
    frame_.append(",[");
  }
  const uint64_t seen = snapshot ? 0 : subscription.seen;
  uint32_t count = 0;
  for (uint32_t place : subscription.slots) {
    if (rows_[place] <= seen) continue;
    const Slot& slot = slots_[place];
    if (binary) {
      frame_.append(slot.binary);
    } else {
      if (count != 0) frame_.push_back(',');
      frame_.append(slot.json);
    }
    ++count;
  }
  if (!snapshot && count == 0 && header.empty()) {
    frame_.resize(before);
    return false;
  }
  if (binary) {
    write_u32(frame_, payload + 12, count);
    frame_.append(snapshot ? std::string_view(*subscription.head) : header);
  } else {
    frame_.append("],");
    if (!snapshot) frame_.append(header.empty() ? std::string_view("null") : header).push_back(',');
    put_number(frame_, sequence_);
    frame_.push_back(']');
  }
  end_frame(frame_, payload, binary ? kBinary : kText);
  ++stats_.frames;
  stats_.rows += count;
  return true;
}

std::string_view Fan::header_since(const Slot& header, uint64_t seen) {
  if (header.parts.empty()) return header.sequence > seen ? header.json : std::string_view();
  header_.clear();
  for (const Part& part : header.parts) {
    const Slot& slot = slots_[part.slot];
    if (rows_[part.slot] <= seen) continue;
    header_.push_back(header_.empty() ? '{' : ',');
    header_.append(part.name);
    header_.append(slot.json);
  }
  if (!header_.empty()) header_.push_back('}');
  return header_;
}

void Fan::flush(uint32_t place, uint64_t now_ms, std::vector<Event>& events) {
  Client& each = clients_[place];
  if (each.descriptor < 0 || each.ended) return;
  if (each.control.size() > limits_.control_bytes_max) {
    return end(place, Ending::overfull, events);
  }
  frame_.clear();
  advances_.clear();
  frame_.append(each.remainder);
  const size_t begun = frame_.size();
  frame_.append(each.control);
  const size_t ordered = frame_.size();
  size_t told = ordered;
  if (begun == 0 && !each.closing) {  // behind a frame that is stuck nothing of now would still be new
    if (each.skipped != 0) {
      const size_t payload = begin_frame(frame_);
      frame_.append("[\"slow\",");
      put_number(frame_, each.skipped);
      frame_.push_back(']');
      end_frame(frame_, payload, kText);
    }
    told = frame_.size();
    for (uint32_t index = 0; index < each.subscriptions.size(); ++index) {
      if (compose(each, each.subscriptions[index])) advances_.push_back({index, frame_.size()});
    }
    if (frame_.size() == told) frame_.resize(ordered);  // nothing was missed after all
  }
  if (frame_.empty()) {
    each.stuck_since_ms = 0;
    if (each.closing) end(place, Ending::closed, events);
    return;
  }
  const ssize_t sent =
      ::send(each.descriptor, frame_.data(), frame_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ++stats_.sends;
  if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    return end(place, Ending::gone, events);
  }
  const size_t taken = sent < 0 ? 0 : static_cast<size_t>(sent);
  stats_.bytes += taken;
  if (taken == 0) {  // drop to latest: no number moves
    ++stats_.skipped;
    ++each.skipped;
    if (each.stuck_since_ms == 0) each.stuck_since_ms = now_ms;
    if (now_ms > each.stuck_since_ms + limits_.stalled_ms_max) {
      end(place, Ending::stalled, events);
    }
    return;
  }
  each.stuck_since_ms = 0;
  if (taken < begun) {
    each.remainder.erase(0, taken);
    return;
  }
  each.control = std::string();  // what waited is rare, and its memory is not kept
  if (taken < ordered) {
    // What was ordered goes first and whole; the rest is composed anew later.
    each.remainder = std::string(frame_, taken, ordered - taken);
    return;
  }
  each.remainder = std::string();
  if (taken == ordered && ordered != frame_.size()) {
    ++stats_.skipped;
    ++each.skipped;
    return;
  }
  if (begun == 0) each.skipped = 0;
  if (each.closing) return end(place, Ending::closed, events);
  finish(each, taken, told);
}

// Keep the rest of the frame that was begun, and note what is on its way. Frames behind it are
// composed anew: one frame is all that a slow reader keeps here.
void Fan::finish(Client& each, size_t taken, size_t told) {
  size_t end = told;
  for (const Advance& advance : advances_) {
    if (taken <= end) break;
    end = advance.end;
    Subscription& subscription = each.subscriptions[advance.subscription];
    if (subscription.snapshot) {
      subscription.number = 0;
      subscription.head.reset();
    } else {
      ++subscription.number;
      subscription.told = sequence_;
    }
    subscription.snapshot = false;
    subscription.seen = sequence_;
  }
  each.remainder.assign(frame_, taken, end - taken);
}

}  // namespace optix::fan
