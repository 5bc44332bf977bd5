// The fan-out core of the stream gateway: what changed goes to who follows it, one write per client.
//
// A slot holds one row as it goes over the wire (JSON and binary) with the sequence number of its
// last change. A subscription is a list of slots and the number up to which its client has them. A
// flush copies the newer rows behind a frame header and sends once without waiting. What the socket
// does not take is not queued: the client's numbers stay, and the next flush sends the latest rows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace optix::fan {

enum class Ending : int { gone = 1, stalled = 2, overfull = 3, closed = 4 };

struct Event {
  uint64_t handle;
  Ending ending;
};

struct Limits {
  uint32_t wheel_slices;      // how many slices the timer wheel has; intervals are shorter
  uint64_t stalled_ms_max;    // without a byte taken while there is something to send
  uint64_t control_bytes_max; // of ordered frames that wait for one client
  uint32_t ids_max;           // ids of the bus that can be bound to slots
};

struct Request {
  uint32_t id;
  std::vector<uint32_t> slots;
  int64_t header;     // a slot with one JSON object, or -1
  std::string head;   // the object of the snapshot frame
  uint8_t layout;     // of the binary rows
  int64_t seen;       // the sequence up to which the client has everything, or -1: a snapshot
};

struct Part {
  std::string name;  // with its quotation marks and colon
  uint32_t slot;
};

struct Stats {
  uint64_t frames = 0, rows = 0, bytes = 0, sends = 0, skipped = 0;
};

class Fan {
 public:
  explicit Fan(Limits limits);
  Fan(const Fan&) = delete;
  Fan& operator=(const Fan&) = delete;

  uint32_t add_slot();
  void remove_slot(uint32_t slot);  // only when nobody follows it
  void set(uint32_t slot, std::string_view json, std::string_view binary);
  // A header that is an object of other slots: of changes it has those members that are new. The
  // slots stay as long as it does.
  void set_parts(uint32_t slot, std::vector<Part> parts);
  void clear(uint32_t place);  // has no row until it is set again
  std::string_view json(uint32_t place) const { return slot(place).json; }
  std::string_view binary(uint32_t place) const { return slot(place).binary; }
  uint64_t sequence_of(uint32_t place) const { return slot(place).sequence; }

  // What the bus calls a row; rows of ids that are not bound are passed over. With a name, binary
  // rows of the bus begin with it instead of what the feed called them.
  void bind(uint32_t id, uint32_t place, int64_t name);
  void unbind(uint32_t id);
  bool set_bound(uint32_t id, std::string_view json, std::string_view binary);
  uint64_t sequence() const { return sequence_; }

  // The descriptor stays its owner's, who removes the client before closing it: duplicated, a
  // connection would take two of the files that a process may have. Removing a client gives what
  // is left of a frame of which the socket has a part.
  uint64_t add_client(int descriptor, bool binary, uint32_t interval_slices);
  std::string remove_client(uint64_t handle);
  void set_interval(uint64_t handle, uint32_t interval_slices);

  void subscribe(uint64_t handle, Request request);
  bool unsubscribe(uint64_t handle, uint32_t id);

  // One whole frame in order with all others of this client, sent with the next tick. Nothing is
  // sent after a close frame; once the socket has it, the client ends as `closed`.
  void push(uint64_t handle, std::string_view payload, uint8_t opcode);

  // One whole frame for every client whose place falls into a part, each with its next flush.
  void broadcast(std::string_view payload, uint32_t part, uint32_t parts);

  // Flush what is due at a slice; `now_ms` is any clock that only rises.
  std::vector<Event> tick(uint64_t slice, uint64_t now_ms);

  const Stats& stats() const { return stats_; }
  size_t clients() const { return living_; }
  uint64_t pending(uint64_t handle) const;

 private:
  struct Slot {
    std::string json, binary;
    std::vector<Part> parts;
    uint64_t sequence = 0;
    int64_t id = -1;  // of the bus, where it is bound
    int64_t name = -1;
    uint32_t followers = 0;
    bool used = false;
  };
  struct Subscription {
    uint32_t id, number;
    uint64_t seen, told;  // the sequences up to which the client has the rows, and the header
    int64_t header;
    uint8_t layout;
    bool snapshot;
    std::vector<uint32_t> slots;
    std::shared_ptr<const std::string> head;  // of a snapshot that is still to be sent
  };
  struct Client {
    int descriptor = -1;
    uint32_t generation = 0, interval = 1, skipped = 0;
    bool binary = false, urgent = false, ended = false, closing = false;
    uint64_t stuck_since_ms = 0;
    std::string control;    // frames not yet begun
    std::string remainder;  // of a frame of which the socket took a part
    std::vector<Subscription> subscriptions;
  };
  struct Advance {  // what holds once the bytes are on their way
    uint32_t subscription;
    size_t end;  // where its frame ends in `frame_`
  };

  const Slot& slot(uint32_t place) const;
  Client& client(uint64_t handle);
  const Client& client(uint64_t handle) const;
  void release(Client& each);
  void hurry(uint32_t place);
  void go_on(uint32_t place);
  uint64_t handle_of(uint32_t place) const;
  bool is_here(uint64_t handle) const;
  void flush(uint32_t place, uint64_t now_ms, std::vector<Event>& events);
  bool compose(Client& each, Subscription& subscription);
  std::string_view header_since(const Slot& header, uint64_t seen);
  void fetch(uint64_t next, uint64_t next_but_one) const;
  void end(uint32_t place, Ending ending, std::vector<Event>& events);
  void finish(Client& each, size_t taken, size_t told);

  Limits limits_;
  Stats stats_;
  uint64_t sequence_ = 0, slice_ = 0;
  size_t living_ = 0;
  std::vector<Slot> slots_;
  std::vector<uint64_t> rows_;  // of each slot its sequence while it has a row, else 0: dense, for flushes
  std::vector<uint32_t> free_slots_;
  std::vector<int64_t> bound_;  // id of the bus -> slot, -1 where there is none
  std::vector<Client> clients_;
  std::vector<uint32_t> free_clients_;
  std::vector<std::vector<uint64_t>> wheel_;  // handles: a place may have a new owner by then
  std::vector<uint64_t> urgent_;
  std::vector<Advance> advances_;
  std::string frame_, header_;
  std::shared_ptr<const std::string> head_;  // the last one
};

}  // namespace optix::fan
