#include <vector>

#include "bind.hpp"
#include "dispatch.hpp"
#include "dividends.hpp"
#include "parts.hpp"

OPTIX_DECLARE_KERNELS(DividendKernels, dividends)

namespace optix {
namespace {

constexpr std::size_t kGrain = kDividendLanesMax;

using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Events = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// The fields of DividendPlan and GridInputs of optix.quant.dividend_grid, one after the other.
void values(double expiry, double reach, double start, Column left, Column own, Column beside,
            Matrix gain, Matrix pull, Events event, Column event_left, Column cash, Column kept,
            Column spot, Column strike, Column vol, Column rate, Column borrow, Column sign,
            Column american, MatrixOut out, int threads) {
  const std::size_t rows = out.shape(1), steps = left.shape(0), nodes = gain.shape(1);
  const std::size_t events = event_left.shape(0);
  check_rows(rows, spot, strike, vol, rate, borrow, sign, american);
  check_rows(steps, own, beside, event);
  check_rows(events, cash, kept);
  if (out.shape(0) != 4 || gain.shape(0) != steps || pull.shape(0) != steps ||
      pull.shape(1) != nodes || nodes < 16 || nodes > 100'000 || events > kDividendEventsMax) {
    throw std::invalid_argument("the plan does not fit together");
  }
  for (std::size_t step = 0; step < steps; ++step) {
    if (event.data()[step] >= static_cast<std::int32_t>(events)) {
      throw std::invalid_argument("a step names an event that is not there");
    }
  }
  const DividendPlan plan{expiry, reach, start, static_cast<int>(nodes), static_cast<int>(steps),
                          static_cast<int>(events), left.data(), own.data(), beside.data(),
                          gain.data(), pull.data(), event.data(), event_left.data(), cash.data(),
                          kept.data()};
  const DividendInputs in{spot.data(),   strike.data(), vol.data(),     rate.data(),
                          borrow.data(), sign.data(),   american.data()};
  double* first = out.data();
  const DividendOutputs result{first, first + rows, first + 2 * rows, first + 3 * rows};
  const DividendKernels& kernels = dividends_kernels();
  over_rows(rows, kGrain, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<double> memory(3 * nodes * kDividendLanesMax);
    kernels.values(plan, in, begin, end, result, memory.data());
  });
}

}  // namespace

void bind_dividends(nb::module_& module) {
  module.def("dividend_values", &values, nb::arg(), nb::arg(), nb::arg(), OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, nb::arg());
}

}  // namespace optix
