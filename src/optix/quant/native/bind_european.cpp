// The Python calls of the European kernels. Every column is contiguous and has one entry per row.
#include <atomic>

#include "bind.hpp"
#include "dispatch.hpp"
#include "european.hpp"
#include "parts.hpp"

OPTIX_DECLARE_KERNELS(EuropeanKernels, european)

namespace optix {
namespace {

constexpr std::size_t kGrain = 1024;

// Runs work(kernels, begin, end) over slices of the rows and sums what it returns.
template <class Work>
std::size_t count_left(std::size_t rows, int threads, const Work& work) {
  const EuropeanKernels& kernels = european_kernels();
  std::atomic<std::size_t> count{0};
  over_rows(rows, kGrain, threads, [&](std::size_t begin, std::size_t end) {
    count += work(kernels, begin, end);
  });
  return count;
}

std::size_t price(Column forward, Column strike, Column years, Column vol, Column rate, Flags is_call,
                  ColumnOut out, FlagsOut left, int threads) {
  const std::size_t rows = out.shape(0);
  check_rows(rows, forward, strike, years, vol, rate, is_call, left);
  const EuropeanTerms terms{nullptr,    forward.data(), strike.data(), years.data(),
                            vol.data(), rate.data(),    nullptr,       nullptr, bytes_of(is_call)};
  double* values = out.data();
  bool* marks = left.data();
  return count_left(rows, threads, [&](const EuropeanKernels& kernels, auto begin, auto end) {
    return kernels.price(terms, begin, end, values, marks);
  });
}

std::size_t greeks(Column spot, Column forward, Column strike, Column years, Column vol, Column rate,
                   Flags is_call, Column yield, MatrixOut out, FlagsOut left, int threads) {
  const std::size_t rows = out.shape(1);
  check_rows(rows, spot, forward, strike, years, vol, rate, is_call, left);
  if (out.shape(0) != kGreeks) throw std::invalid_argument("there is one row of results per Greek");
  // An empty column: the forward alone tells the yield.
  const double* yields = yield.shape(0) == 0 ? nullptr : yield.data();
  if (yields != nullptr) check_rows(rows, yield);
  const EuropeanTerms terms{spot.data(), forward.data(), strike.data(), years.data(),
                            vol.data(),  rate.data(),    nullptr,       yields, bytes_of(is_call)};
  double* values = out.data();
  bool* marks = left.data();
  return count_left(rows, threads, [&](const EuropeanKernels& kernels, auto begin, auto end) {
    return kernels.greeks(terms, begin, end, values, rows, marks);
  });
}

std::size_t implied_vol(Column price, Column forward, Column strike, Column years, Column rate,
                        Flags is_call, ColumnOut out, StatusOut status, int threads) {
  const std::size_t rows = out.shape(0);
  check_rows(rows, price, forward, strike, years, rate, is_call, status);
  const EuropeanTerms terms{nullptr, forward.data(), strike.data(), years.data(),
                            nullptr, rate.data(),    price.data(),  nullptr, bytes_of(is_call)};
  double* vols = out.data();
  std::int8_t* codes = status.data();
  return count_left(rows, threads, [&](const EuropeanKernels& kernels, auto begin, auto end) {
    return kernels.implied_vol(terms, begin, end, vols, codes);
  });
}

}  // namespace

void bind_european(nb::module_& module) {
  module.def("european_price", &price, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, nb::arg());
  module.def("european_greeks", &greeks, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, nb::arg());
  module.def("european_implied_vol", &implied_vol, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, nb::arg());
}

}  // namespace optix
