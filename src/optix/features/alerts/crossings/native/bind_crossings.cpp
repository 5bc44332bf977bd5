// The extension module optix.features.alerts.crossings._crossings.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <stdexcept>
#include <utility>
#include <vector>

#include "crossings.hpp"

namespace nb = nanobind;
using namespace nb::literals;

// An array of another type is an error, not a silent copy.
#define EXACT(name) nb::arg(name).noconvert()

namespace optix::crossings {
namespace {

template <class Value>
using Column = nb::ndarray<const Value, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class... Columns>
void check_rows(size_t rows, const Columns&... columns) {
  if (((columns.shape(0) != rows) || ...)) {
    throw std::invalid_argument("every column has one value per row");
  }
}

// An array that owns what the kernel made.
template <class Value>
nb::object array_of(std::vector<Value>&& values) {
  auto* kept = new std::vector<Value>(std::move(values));
  nb::capsule owner(kept, [](void* each) noexcept { delete static_cast<std::vector<Value>*>(each); });
  return nb::cast(nb::ndarray<nb::numpy, Value, nb::ndim<1>>(kept->data(), {kept->size()}, owner));
}

nb::object core(const char* name) {
  return nb::module_::import_("optix.features.alerts.crossings.core").attr(name);
}

nb::object watches_of(OwnedColumns&& all) {
  return core("Watches")(
      array_of(std::move(all.ids)), array_of(std::move(all.series)), array_of(std::move(all.sides)),
      array_of(std::move(all.levels)), array_of(std::move(all.backs)),
      array_of(std::move(all.repeats)), array_of(std::move(all.cooldowns_ns)),
      array_of(std::move(all.phases)), array_of(std::move(all.ready_ns)));
}

void add(Crossings& kernel, Column<int64_t> ids, Column<int32_t> series, Column<uint8_t> sides,
         Column<double> levels, Column<double> backs, Column<uint8_t> repeats,
         Column<int64_t> cooldowns_ns, Column<uint8_t> phases, Column<int64_t> ready_ns) {
  const size_t rows = ids.shape(0);
  check_rows(rows, series, sides, levels, backs, repeats, cooldowns_ns, phases, ready_ns);
  nb::gil_scoped_release unlocked;
  kernel.add({rows, ids.data(), series.data(), sides.data(), levels.data(), backs.data(),
              repeats.data(), cooldowns_ns.data(), phases.data(), ready_ns.data()});
}

size_t remove_ids(Crossings& kernel, Column<int64_t> ids) {
  nb::gil_scoped_release unlocked;
  return kernel.remove(ids.data(), ids.shape(0));
}

Ticks ticks_of(const Column<int32_t>& series, const Column<double>& values,
               const Column<int64_t>& at_ns) {
  check_rows(series.shape(0), values, at_ns);
  return {series.shape(0), series.data(), values.data(), at_ns.data()};
}

void remember(Crossings& kernel, Column<int32_t> series, Column<double> values,
              Column<int64_t> at_ns) {
  kernel.remember(ticks_of(series, values, at_ns));
}

nb::object apply(Crossings& kernel, Column<int32_t> series, Column<double> values,
                 Column<int64_t> at_ns) {
  const Ticks ticks = ticks_of(series, values, at_ns);
  Turns turns;
  {
    nb::gil_scoped_release unlocked;
    turns = kernel.apply(ticks);
  }
  return core("Turns")(array_of(std::move(turns.ids)), array_of(std::move(turns.kinds)),
                       array_of(std::move(turns.ticks)));
}

nb::object get(const Crossings& kernel, Column<int64_t> ids) {
  try {
    return watches_of(kernel.get(ids.data(), ids.shape(0)));
  } catch (const std::out_of_range& error) {
    throw nb::key_error(error.what());
  }
}

nb::object seen(const Crossings& kernel) {
  OwnedTicks all = kernel.seen();
  return core("Seen")(array_of(std::move(all.series)), array_of(std::move(all.values)),
                      array_of(std::move(all.at_ns)));
}

}  // namespace
}  // namespace optix::crossings

NB_MODULE(_crossings, module) {
  using namespace optix::crossings;
  nb::set_leak_warnings(false);  // a kernel that lives as long as the process is no leak
  nb::class_<Crossings>(module, "Crossings")
      .def(nb::init<int64_t>(), nb::kw_only(), "series_max"_a)
      .def("__len__", &Crossings::size)
      .def("add", &add, EXACT("ids"), EXACT("series"), EXACT("sides"), EXACT("levels"),
           EXACT("backs"), EXACT("repeats"), EXACT("cooldowns_ns"), EXACT("phases"),
           EXACT("ready_ns"))
      .def("remove", &remove_ids, EXACT("ids"))
      .def("remember", &remember, EXACT("series"), EXACT("values"), EXACT("at_ns"))
      .def("apply", &apply, EXACT("series"), EXACT("values"), EXACT("at_ns"))
      .def("get", &get, EXACT("ids"))
      .def("watches", [](const Crossings& kernel) { return watches_of(kernel.watches()); })
      .def("seen", &seen);
}
