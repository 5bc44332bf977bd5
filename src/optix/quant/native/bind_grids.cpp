// The Python calls of the grid kernels.
#include "bind.hpp"
#include "dispatch.hpp"
#include "grids.hpp"
#include "parts.hpp"

OPTIX_DECLARE_KERNELS(GridKernels, grids)

namespace optix {
namespace {

using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Groups = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using CubeOut = nb::ndarray<double, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

// `vol` has one column per spot, or one for all of them. `out` is (groups, Greeks, spots), of zeros.
void exposure(Column spot, Column forward, Column strike, Column years, Matrix vol, Column rate,
              Flags is_call, Column weight, Groups group, Column factor, Column log_factor,
              CubeOut out) {
  const std::size_t rows = spot.shape(0), size = factor.shape(0);
  check_rows(rows, forward, strike, years, rate, is_call, weight, group);
  check_rows(size, log_factor, out);
  const bool one_vol = vol.shape(1) == 1;
  if (vol.shape(0) != rows || (!one_vol && vol.shape(1) != size) || out.shape(1) != kGreeks) {
    throw std::invalid_argument("a volatility per row, or per row and spot; a sum per Greek and spot");
  }
  for (std::size_t i = 0; i < rows; ++i) {
    if (group.data()[i] < 0 || static_cast<std::size_t>(group.data()[i]) >= out.shape(0)) {
      throw std::invalid_argument("a group without a place in the result");
    }
  }
  const Book book{{spot.data(), forward.data(), strike.data(), years.data(), vol.data(), rate.data(),
                   nullptr, nullptr, bytes_of(is_call)},
                  weight.data(),
                  group.data(),
                  one_vol ? 0 : size};
  const SpotAxis spots{factor.data(), log_factor.data(), size};
  double* sums = out.data();
  nb::gil_scoped_release unlocked;
  grids_kernels().exposure(book, spots, 0, rows, sums);
}

// `vol` is (legs, spots); `out` is (times, vols, spots).
void cube(Column kind, Column strike, Column years, Matrix vol, Column rate, Column carry,
          Column quantity, double spot, Column factor, Column log_factor, Column years_ahead,
          Column vol_shift, CubeOut out, int threads) {
  const std::size_t legs = kind.shape(0), size = factor.shape(0);
  check_rows(legs, strike, years, rate, carry, quantity);
  check_rows(size, log_factor, vol, out);
  if (vol.shape(0) != legs || out.shape(0) != years_ahead.shape(0) ||
      out.shape(1) != vol_shift.shape(0)) {
    throw std::invalid_argument("a volatility per leg and spot; a value per time, shift and spot");
  }
  const Legs position{kind.data(), strike.data(), years.data(),    vol.data(),
                      rate.data(), carry.data(),  quantity.data(), legs};
  const CubeAxes axes{spot,
                      {factor.data(), log_factor.data(), size},
                      years_ahead.data(),
                      out.shape(0),
                      vol_shift.data(),
                      out.shape(1)};
  const GridKernels& kernels = grids_kernels();
  double* values = out.data();
  over_rows(axes.times, 1, threads, [&](std::size_t begin, std::size_t end) {
    kernels.cube(position, axes, begin, end, values);
  });
}

}  // namespace

void bind_grids(nb::module_& module) {
  module.def("exposure", &exposure, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT);
  module.def("cube", &cube, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, OPTIX_EXACT, nb::arg(), OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, nb::arg());
}

}  // namespace optix
