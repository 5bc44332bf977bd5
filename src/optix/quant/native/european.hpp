// European options in natural units: the kernels of one instruction set.
#pragma once

#include <cstddef>

namespace optix {

struct EuropeanTerms {
  const double* forward;
  const double* strike;
  const double* years;
  const double* vol;
  const double* rate;
  const bool* is_call;
};

struct EuropeanKernels {
  // Prices of rows [begin, end); NaN where an input is NaN. `left` marks the rows outside the range of
  // the kernels, whose prices mean nothing; the result is how many there are.
  std::size_t (*price)(const EuropeanTerms& terms, std::size_t begin, std::size_t end, double* out,
                       bool* left);
};

}  // namespace optix
