// What the bindings share: array types, and a loop over blocks of rows without the GIL.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <vector>

namespace optix {

namespace nb = nanobind;

// An argument for which an array of another type or layout is an error, not a silent copy.
#define OPTIX_EXACT nb::arg().noconvert()

using Column = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Flags = nb::ndarray<const bool, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using ColumnOut = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using FlagsOut = nb::ndarray<bool, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using StatusOut = nb::ndarray<std::int8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using MatrixIn = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using MatrixOut = nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// NumPy's booleans are bytes of 0 and 1.
inline const std::uint8_t* bytes_of(const Flags& flags) {
  return reinterpret_cast<const std::uint8_t*>(flags.data());
}

template <class... Arrays>
void check_rows(std::size_t rows, const Arrays&... arrays) {
  if (((arrays.shape(arrays.ndim() - 1) != rows) || ...)) {
    throw std::invalid_argument("every array has one entry per row");
  }
}

// Calls work(begin, end) for slices of [0, rows), on `threads` threads. Slices begin at multiples of
// `grain`, so that the result does not depend on the number of threads.
template <class Work>
void over_rows(std::size_t rows, std::size_t grain, int threads, const Work& work) {
  nb::gil_scoped_release unlocked;
  const std::size_t slices = (rows + grain - 1) / grain;
  const std::size_t wanted = std::max(threads, 1);
  const std::size_t count = std::min(wanted, std::max<std::size_t>(slices, 1));
  if (count == 1) {
    work(std::size_t{0}, rows);
    return;
  }
  std::vector<std::thread> pool;
  pool.reserve(count - 1);
  const auto edge = [&](std::size_t part) { return std::min(slices * part / count * grain, rows); };
  for (std::size_t part = 1; part < count; ++part) {
    pool.emplace_back([&, part] { work(edge(part), edge(part + 1)); });
  }
  work(edge(0), edge(1));
  for (std::thread& thread : pool) thread.join();
}

}  // namespace optix
