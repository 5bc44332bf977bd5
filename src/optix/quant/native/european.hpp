// European options in natural units: the kernels of one instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace optix {

// Columns of one length. `vol` is not read where volatilities are sought, `price` only there, `spot`
// and `yield` only by
// the Greeks.
struct EuropeanTerms {
  const double* spot;
  const double* forward;
  const double* strike;
  const double* years;
  const double* vol;
  const double* rate;
  const double* price;
  const double* yield;  // of dividends; null where the forward alone tells it
  const std::uint8_t* is_call;
};

// The order of the Greeks' rows; black_scholes.AllGreeks has the same.
enum Greek : int {
  kPrice, kDelta, kGamma, kTheta, kVega, kRho, kVanna, kCharm, kVomma, kSpeed, kZomma, kColor, kGreeks
};

// What implied_vol.IvStatus calls these; kLeft is for the caller, who solves the row otherwise.
enum IvCode : std::int8_t {
  kLeft = -1, kOk = 0, kBelowIntrinsic = 1, kAboveMaximum = 2, kNoTimeValue = 3, kInvalid = 6
};

// All work on rows [begin, end) and return how many of them lie outside the range of the kernels. Those
// are marked in `left` (or have the status kLeft) and their results mean nothing. NaN in gives NaN out.
struct EuropeanKernels {
  std::size_t (*price)(const EuropeanTerms& terms, std::size_t begin, std::size_t end, double* out,
                       bool* left);
  // `out` has kGreeks rows, `stride` apart.
  std::size_t (*greeks)(const EuropeanTerms& terms, std::size_t begin, std::size_t end, double* out,
                        std::size_t stride, bool* left);
  std::size_t (*implied_vol)(const EuropeanTerms& terms, std::size_t begin, std::size_t end,
                             double* out, std::int8_t* status);
};

}  // namespace optix
