// The extension module optix.platform.fanout._fan.
#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <utility>
#include <vector>

#include "bind_rows.hpp"
#include "fan.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using optix::fan::Fan;

namespace {

std::string_view view(const nb::bytes& bytes) {
  return {static_cast<const char*>(bytes.data()), bytes.size()};
}

nb::bytes bytes_of(std::string_view view) { return nb::bytes(view.data(), view.size()); }

void subscribe(Fan& fan, uint64_t handle, uint32_t number, std::vector<uint32_t> slots,
               int64_t header, const nb::bytes& head, uint8_t layout, int64_t seen) {
  fan.subscribe(handle,
                {number, std::move(slots), header, std::string(view(head)), layout, seen});
}

std::vector<std::pair<uint64_t, int>> tick(Fan& fan, uint64_t slice, uint64_t now_ms) {
  std::vector<optix::fan::Event> events;
  {
    nb::gil_scoped_release unlocked;
    events = fan.tick(slice, now_ms);
  }
  std::vector<std::pair<uint64_t, int>> pairs;
  pairs.reserve(events.size());
  for (const auto& event : events) pairs.emplace_back(event.handle, static_cast<int>(event.ending));
  return pairs;
}

// One batch: u32 number, u16 JSON length, u16 binary length, then both, again and again.
template <class Take>
void each_row(const nb::bytes& batch, const Take& take) {
  const std::string_view all = view(batch);
  const auto byte = [&](size_t at) { return static_cast<uint32_t>(static_cast<uint8_t>(all[at])); };
  size_t at = 0;
  while (at < all.size()) {
    if (all.size() - at < 8) throw nb::value_error("the batch is cut off");
    const uint32_t id = byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24;
    const size_t json = byte(at + 4) | byte(at + 5) << 8;
    const size_t binary = byte(at + 6) | byte(at + 7) << 8;
    if (all.size() - at - 8 < json + binary) throw nb::value_error("the batch is cut off");
    take(id, all.substr(at + 8, json), all.substr(at + 8 + json, binary));
    at += 8 + json + binary;
  }
}

uint32_t set_many(Fan& fan, const nb::bytes& batch) {
  uint32_t taken = 0;
  each_row(batch, [&](uint32_t id, std::string_view json, std::string_view binary) {
    taken += fan.set_bound(id, json, binary);
  });
  return taken;
}

void set_slots(Fan& fan, const nb::bytes& batch) {
  each_row(batch, [&](uint32_t slot, std::string_view json, std::string_view binary) {
    fan.set(slot, json, binary);
  });
}

void set_parts(Fan& fan, uint32_t slot, const std::vector<std::pair<std::string, uint32_t>>& parts) {
  std::vector<optix::fan::Part> owned;
  for (const auto& [name, place] : parts) owned.push_back({'"' + name + "\":", place});
  fan.set_parts(slot, std::move(owned));
}

}  // namespace

NB_MODULE(_fan, module) {
  nb::set_leak_warnings(false);  // a codec that lives as long as the process is no leak
  optix::fan::bind_rows(module);
  nb::class_<Fan>(module, "Fan")
      .def(
          "__init__",
          [](Fan* self, uint32_t wheel_slices, uint64_t stalled_ms_max, uint64_t control_bytes_max,
             uint32_t ids_max) {
            new (self) Fan({wheel_slices, stalled_ms_max, control_bytes_max, ids_max});
          },
          nb::kw_only(), "wheel_slices"_a, "stalled_ms_max"_a, "control_bytes_max"_a, "ids_max"_a)
      .def("add_slot", &Fan::add_slot)
      .def("remove_slot", &Fan::remove_slot)
      .def("set", [](Fan& fan, uint32_t slot, const nb::bytes& json,
                     const nb::bytes& binary) { fan.set(slot, view(json), view(binary)); })
      .def("json", [](const Fan& fan, uint32_t slot) { return bytes_of(fan.json(slot)); })
      .def("binary", [](const Fan& fan, uint32_t slot) { return bytes_of(fan.binary(slot)); })
      .def("sequence_of", &Fan::sequence_of)
      .def("bind", &Fan::bind, "number"_a, "slot"_a, "name"_a = -1)
      .def("unbind", &Fan::unbind)
      .def("set_many", &set_many)
      .def("set_slots", &set_slots)
      .def("set_parts", &set_parts)
      .def("clear", &Fan::clear)
      .def_prop_ro("sequence", &Fan::sequence)
      .def("add_client", &Fan::add_client, "descriptor"_a, nb::kw_only(), "binary"_a,
           "interval_slices"_a)
      .def("remove_client",
           [](Fan& fan, uint64_t handle) { return bytes_of(fan.remove_client(handle)); })
      .def("set_interval", &Fan::set_interval)
      .def("subscribe", &subscribe, "handle"_a, "number"_a, "slots"_a, "header"_a, "head"_a,
           nb::kw_only(), "layout"_a, "seen"_a = -1)
      .def("unsubscribe", &Fan::unsubscribe)
      .def(
          "push",
          [](Fan& fan, uint64_t handle, const nb::bytes& payload, uint8_t opcode) {
            fan.push(handle, view(payload), opcode);
          },
          "handle"_a, "payload"_a, nb::kw_only(), "opcode"_a = 1)
      .def(
          "broadcast",
          [](Fan& fan, const nb::bytes& payload, uint32_t part, uint32_t parts) {
            fan.broadcast(view(payload), part, parts);
          },
          "payload"_a, nb::kw_only(), "part"_a = 0, "parts"_a = 1)
      .def("pending", &Fan::pending)
      .def("tick", &tick)
      .def_prop_ro("clients", &Fan::clients)
      .def_prop_ro("stats", [](const Fan& fan) {
        const auto& stats = fan.stats();
        nb::dict found;
        found["frames"] = stats.frames;
        found["rows"] = stats.rows;
        found["bytes"] = stats.bytes;
        found["sends"] = stats.sends;
        found["skipped"] = stats.skipped;
        return found;
      });
}
