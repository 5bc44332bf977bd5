// Elementary functions that GCC and Clang vectorise inside plain loops, on every platform alike.
//
// Everything is branch-free and inline: a loop over these calls becomes packed arithmetic. Accuracy is
// a few units in the last place over the ranges stated. This file is compiled once per instruction
// set, so whatever it defines has internal linkage and lies in the namespace of that set; for the same
// reason it uses nothing of the C++ library. Coefficients are our own, computed at 50 to 70 digits.
#pragma once

#include <cstdint>

#ifndef OPTIX_ISA
#define OPTIX_ISA baseline
#endif

// Before a loop whose rows do not depend on each other: no checks for overlapping columns.
#if defined(__clang__)
#define OPTIX_ROWS _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define OPTIX_ROWS _Pragma("GCC ivdep")
#else
#define OPTIX_ROWS
#endif

namespace optix::OPTIX_ISA::vm {

constexpr double kInvSqrt2Pi = 0.3989422804014327;
constexpr double kLogSqrt2Pi = 0.9189385332046728;
constexpr double kSqrt2Pi = 2.5066282746310007;

// Adding it leaves the nearest integer of a small number in the low bits of the sum.
constexpr double kRoundShift = 6755399441055744.0;  // 1.5 * 2^52

static inline std::int64_t to_bits(double value) { return __builtin_bit_cast(std::int64_t, value); }
static inline double from_bits(std::int64_t bits) { return __builtin_bit_cast(double, bits); }

static inline double abs(double x) { return __builtin_fabs(x); }
static inline double sqrt(double x) { return __builtin_sqrt(x); }
static inline double min(double a, double b) { return a < b ? a : b; }
static inline double max(double a, double b) { return a > b ? a : b; }
static inline double copysign(double magnitude, double sign) {
  return __builtin_copysign(magnitude, sign);
}
static inline double round(double x) { return (x + kRoundShift) - kRoundShift; }  // |x| < 2^51

// Horner's rule, highest power first.
template <int N>
static inline double polynomial(const double (&coefficients)[N], double x) {
  double result = coefficients[0];
  for (int i = 1; i < N; ++i) result = result * x + coefficients[i];
  return result;
}

// 2^k for an integer k held as a double, -1022 <= k <= 1023.
static inline double power_of_two(double k) {
  const std::int64_t biased = to_bits(k + kRoundShift) + 1023;
  return from_bits(static_cast<std::int64_t>(static_cast<std::uint64_t>(biased) << 52));
}

// e^r - 1 for |r| <= ln(2)/2.
static inline double exp_core(double r) {
  constexpr double kPoly[] = {2.5100472505694996e-08, 2.7620201591031547e-07, 2.7557268276905696e-06,
                              2.4801521057868204e-05, 0.00019841269863171557, 0.0013888888917367081,
                              0.008333333333330039,   0.041666666666623824,   0.16666666666666669,
                              0.5000000000000001};
  return r + r * r * polynomial(kPoly, r);
}

// e^x over all doubles; 0 below -745.2, infinity above 709.8, NaN for NaN.
static inline double exp(double x) {
  x = x < -760.0 ? -760.0 : x;
  x = x > 720.0 ? 720.0 : x;
  const double k = round(x * 1.4426950408889634);
  const double r = (x - k * 0x1.62e42fefa2000p-1) - k * 0x1.9ef35793c7673p-41;
  const double value = 1.0 + exp_core(r);
  // In two factors, so that results below the normal range keep what digits they have.
  const double half = round(0.5 * k);
  return value * power_of_two(half) * power_of_two(k - half);
}

// e^x - 1, with relative accuracy near 0 too.
static inline double expm1(double x) {
  const double core = exp_core(abs(x) < 0.34 ? x : 0.0);
  return abs(x) < 0.34 ? core : exp(x) - 1.0;
}

// ln(n / d), given n - d as well, which may be known better than n. For n, d in [1e-290, 1e290].
static inline double log_quotient(double n, double d, double difference) {
  constexpr double kPoly[] = {0.06814555360930634, 0.06603540041034682, 0.07694501062582865,
                              0.09090867123200161, 0.1111111154582057,  0.1428571428350731,
                              0.20000000000004262, 0.3333333333333333};
  // The bits of a double are nearly its logarithm: k is off by 0.09 at the most. Unsigned, because an
  // arithmetic shift of packed 64-bit integers is not to be had everywhere.
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 51, kBias = std::uint64_t{1} << 63;
  const std::uint64_t apart =
      static_cast<std::uint64_t>(to_bits(n)) - static_cast<std::uint64_t>(to_bits(d));
  const std::uint64_t biased = (apart + kHalf + kBias) >> 52;  // k + 2048
  const double k = from_bits(static_cast<std::int64_t>(biased | 0x4330000000000000)) -
                   (4503599627370496.0 + 2048.0);
  const double scaled = from_bits(static_cast<std::int64_t>(static_cast<std::uint64_t>(to_bits(d)) +
                                                            ((biased - 2048) << 52)));
  const double u = (k == 0.0 ? difference : n - scaled) / (n + scaled);
  const double v = u * u;
  const double twice = 2.0 * u;
  return k * 0x1.62e42fefa2000p-1 +
         (k * 0x1.9ef35793c7673p-41 + (twice + twice * v * polynomial(kPoly, v)));
}

// ln(n / d) with relative accuracy near n = d too: the difference of two numbers within a factor of
// two is exact. For n, d in [1e-290, 1e290].
static inline double log_ratio(double n, double d) { return log_quotient(n, d, n - d); }

// ln(1 + n / d) with relative accuracy for small n too. For d and n + d in [1e-290, 1e290].
static inline double log1p_ratio(double n, double d) { return log_quotient(n + d, d, n); }

// ln x for x in [1e-290, 1e290].
static inline double log(double x) { return log_ratio(x, 1.0); }

// A fraction that is not divided yet: two of them cost one division.
struct Fraction {
  double top;
  double bottom;
};

// The Mills ratio Phi(-z)/phi(z) for z >= -0.5. Every coefficient is positive: nothing cancels.
static inline Fraction mills_fraction(double z) {
  constexpr double kTop[] = {1.0,
                             26.39451006475111,
                             351.43235621848095,
                             3043.3647466753023,
                             18779.89077515459,
                             85810.65971708106,
                             293547.60720802785,
                             743877.7359446047,
                             1345156.708241301,
                             1588224.9563750739,
                             954892.7601698869};
  constexpr double kBottom[] = {1.0,
                                25.894510064751316,
                                339.23510118600757,
                                2894.5430786488773,
                                17621.088011336178,
                                79590.72996203373,
                                270260.01829612674,
                                686177.3287249483,
                                1271092.5103062773,
                                1630352.8233386504,
                                1299308.664269728,
                                486193.6120359419};
  const double y = min(z, 1e20) + 0.5;
  return {polynomial(kTop, y), polynomial(kBottom, y)};
}
static inline double mills(double z) {
  const Fraction m = mills_fraction(z);
  return m.top / m.bottom;
}

// 1 - z*mills(z), the negated slope of the Mills ratio, for 0 <= z <= 40. The plain expression loses
// all digits for large z, where this falls as 1/z^2.
static inline Fraction mills_slope_fraction(double z) {
  constexpr double kTop[] = {0.9999999999915296, 28.125084323891876, 393.97274972487946,
                             3545.5126184956634, 22409.73431028929,  102870.89269172489,
                             343443.22336540226, 809053.1651210907,  1236011.1487198905,
                             959566.0388387757};
  constexpr double kBottom[] = {1.0,
                                28.12508432201139,
                                396.9727499138232,
                                3629.8878600093603,
                                23585.65303137228,
                                113338.66594130277,
                                408350.9086150808,
                                1097568.4042797817,
                                2148093.9469861933,
                                2905880.1819771715,
                                2438648.8308843756,
                                959566.0388387757};
  return {polynomial(kTop, z), polynomial(kBottom, z)};
}
static inline double mills_slope(double z) {
  const Fraction slope = mills_slope_fraction(z);
  return slope.top / slope.bottom;
}

// phi(z), the standard normal density.
static inline double norm_pdf(double z) {
  const double bounded = min(abs(z), 1e3);
  return kInvSqrt2Pi * exp(-0.5 * bounded * bounded);
}

// Phi(z), with relative accuracy in the lower tail.
static inline double norm_cdf(double z) {
  const double tail = norm_pdf(z) * mills(abs(z));
  return z > 0.0 ? 1.0 - tail : tail;
}

}  // namespace optix::OPTIX_ISA::vm
