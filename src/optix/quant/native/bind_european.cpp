#include <atomic>

#include "bind.hpp"
#include "dispatch.hpp"
#include "european.hpp"
#include "parts.hpp"

OPTIX_DECLARE_KERNELS(EuropeanKernels, european)

namespace optix {
namespace {

constexpr std::size_t kGrain = 1024;

std::size_t price(Column forward, Column strike, Column years, Column vol, Column rate,
                  Flags is_call, ColumnOut out, FlagsOut left, int threads) {
  const std::size_t rows = out.shape(0);
  check_rows(rows, forward, strike, years, vol, rate, is_call, left);
  const EuropeanTerms terms{forward.data(), strike.data(), years.data(),
                            vol.data(),     rate.data(),   is_call.data()};
  const EuropeanKernels& kernels = european_kernels();
  double* prices = out.data();
  bool* marks = left.data();
  std::atomic<std::size_t> count{0};
  over_rows(rows, kGrain, threads, [&](std::size_t begin, std::size_t end) {
    count += kernels.price(terms, begin, end, prices, marks);
  });
  return count;
}

}  // namespace

void bind_european(nb::module_& module) {
  module.def("european_price", &price, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, nb::arg());
}

}  // namespace optix
