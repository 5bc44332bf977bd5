// The extension module optix.quant._native. Each part adds its calls in bind_<part>.cpp.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "dispatch.hpp"
#include "parts.hpp"

namespace nb = nanobind;

namespace {

std::vector<std::string> available() {
  std::vector<std::string> names;
  for (optix::Isa isa : optix::available_isas()) names.emplace_back(optix::name_of(isa));
  return names;
}

void use(const std::string& name) {
  for (optix::Isa isa : optix::available_isas()) {
    if (name == optix::name_of(isa)) return optix::use_isa(isa);
  }
  throw nb::value_error("this machine has no such instruction set");
}

}  // namespace

NB_MODULE(_native, module) {
  module.def("available", &available);
  module.def("active", [] { return std::string(optix::name_of(optix::active_isa())); });
  module.def("use", &use);
#define OPTIX_BIND(part) optix::bind_##part(module);
  OPTIX_PARTS(OPTIX_BIND)
#undef OPTIX_BIND
}
