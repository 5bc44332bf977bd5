// The Python calls of the row codec, for the module that has the fan-out core.
#pragma once

#include <nanobind/nanobind.h>

namespace optix::fan {

void bind_rows(nanobind::module_& module);

}  // namespace optix::fan
