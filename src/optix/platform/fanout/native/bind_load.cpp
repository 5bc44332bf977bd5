// The extension module optix.platform.fanout._load.
#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <utility>

#include "load.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using optix::load::Load;

namespace {

nb::dict counts(const Load& load) {
  const auto& all = load.counts();
  nb::dict found;
  found["started"] = all.started;
  found["connected"] = all.connected;
  found["alive"] = all.alive;
  found["under_way"] = all.under_way;
  found["frames"] = all.frames;
  found["bytes"] = all.bytes;
  found["snapshots"] = all.snapshots;
  found["changes"] = all.changes;
  found["rows"] = all.rows;
  found["gaps"] = all.gaps;
  found["slow"] = all.slow;
  found["skipped"] = all.skipped;
  found["heartbeats"] = all.heartbeats;
  found["pongs"] = all.pongs;
  found["going_away"] = all.going_away;
  found["hints"] = all.hints;
  found["unreadable"] = all.unreadable;
  found["rounds"] = all.rounds;
  found["aged"] = all.aged;
  found["ages_outside"] = all.ages_outside;
  found["refused"] = all.refused;
  found["ended"] = all.ended;
  found["errors"] = all.errors;
  return found;
}

}  // namespace

NB_MODULE(_load, module) {
  nb::class_<Load>(module, "Load")
      .def(
          "__init__",
          [](Load* self, std::string address, uint16_t port, std::string host, std::string path,
             uint32_t connections, std::vector<std::vector<std::string>> scripts, uint32_t sources,
             double per_second, uint32_t at_once, uint32_t stalled, bool speaks, std::string round,
             uint16_t round_port, uint32_t sample, uint32_t ping_ms, uint64_t handshake_ms_max) {
            new (self) Load({std::move(address), port, std::move(host), std::move(path), connections,
                             std::move(scripts), sources, per_second, at_once, stalled, speaks,
                             std::move(round), round_port, sample == 0 ? 1 : sample, ping_ms,
                             handshake_ms_max});
          },
          nb::kw_only(), "address"_a, "port"_a, "host"_a, "path"_a, "connections"_a, "scripts"_a,
          "sources"_a, "per_second"_a, "at_once"_a, "stalled"_a, "speaks"_a, "round"_a,
          "round_port"_a, "sample"_a, "ping_ms"_a, "handshake_ms_max"_a)
      .def("run", &Load::run, nb::call_guard<nb::gil_scoped_release>())
      .def("begin_rounds", &Load::begin_rounds)
      .def("forget", &Load::forget)
      .def("counts", &counts)
      .def("ages", &Load::ages)
      .def("handshakes_ms", &Load::handshakes_ms)
      .def("first_rows_ms", &Load::first_rows_ms)
      .def("least_frames", &Load::least_frames)
      .def_prop_ro("cpu_seconds", &Load::cpu_seconds);
}
