// European options on the forward, in blocks of rows; every loop is vectorised.
//
// With a = |ln(forward/strike)|, s = vol*sqrt(years), h = a/s and t = s/2 the undiscounted value of the
// out-of-the-money side is min(forward, strike)*beta(a, s),
//
//   beta = phi(h - t) * w,   w = mills(h - t) - mills(h + t).
//
// Where t is small w is summed from its Taylor series in t, whose terms are all positive; elsewhere
// the difference loses no more than the rounding of the forward does.
#include "european.hpp"
#include "vecmath.hpp"

namespace optix::OPTIX_ISA {
namespace {

constexpr std::size_t kBlock = 64;
constexpr double kNarrowT = 0.25;  // below it the series holds, if a is below the next
constexpr double kNarrowA = 4.0;

// Rows whose numbers stay inside this range cannot overflow on the way; others go to the reference.
constexpr double kPriceMin = 1e-140, kPriceMax = 1e140;
constexpr double kYearsMin = 1e-12, kYearsMax = 1e6;
constexpr double kVolMin = 1e-9, kVolMax = 1e6;
constexpr double kExponentMax = 600.0;

static inline bool is_plain_price(double value) { return value >= kPriceMin && value <= kPriceMax; }

// w/(2t) from the slope of the Mills ratio at h: with q = (h*t)^2 and y = t^2 the terms of the series
// follow T[k+1] = ((q + (4k+3)*y)*T[k] - y^2*T[k-1]) / ((2k+2)*(2k+3)).
static inline double width_series(double h, double q, double y) {
  const double first = vm::mills_slope(h);
  double previous = first;
  double term = ((q + 3.0 * y) * first - y) * (1.0 / 6.0);
  double sum = term;
  for (int k = 1; k < 7; ++k) {
    const double next =
        ((q + (4 * k + 3) * y) * term - y * y * previous) * (1.0 / ((2 * k + 2) * (2 * k + 3)));
    sum += next;
    previous = term;
    term = next;
  }
  return first + sum;
}

// beta where the series holds.
static inline double time_value_narrow(double h, double t) {
  const double ht = h * t;
  const double near = h - t;
  return 2.0 * t * vm::norm_pdf(near) * width_series(h, ht * ht, t * t);
}

// beta elsewhere.
static inline double time_value_wide(double h, double t) {
  const double near = h - t;
  const double bell = vm::norm_pdf(near);
  const double m_near = vm::mills(vm::abs(near)), m_far = vm::mills(h + t);
  return near >= 0.0 ? bell * (m_near - m_far) : 1.0 - bell * (m_near + m_far);
}

std::size_t price(const EuropeanTerms& terms, std::size_t begin, std::size_t end, double* out,
                  bool* left) {
  std::size_t odd_rows = 0;
  for (std::size_t start = begin; start < end; start += kBlock) {
    const std::size_t size = end - start < kBlock ? end - start : kBlock;
    const double *F = terms.forward + start, *K = terms.strike + start, *T = terms.years + start;
    const double *v = terms.vol + start, *r = terms.rate + start;
    const bool* call = terms.is_call + start;
    double* result = out + start;
    double h[kBlock], t[kBlock], beta[kBlock];
    std::int64_t odd = 0, narrow = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const bool plain = is_plain_price(F[i]) & is_plain_price(K[i]) & (T[i] >= kYearsMin) &
                         (T[i] <= kYearsMax) & (v[i] >= kVolMin) & (v[i] <= kVolMax) &
                         (vm::abs(r[i] * T[i]) <= kExponentMax);
      const double sum = F[i] + K[i] + T[i] + v[i] + r[i];
      left[start + i] = (!plain) & (sum == sum);
      odd += left[start + i];
      const double s = v[i] * vm::sqrt(T[i]);
      const double a = vm::abs(vm::log_ratio(F[i], K[i]));
      h[i] = a / s;
      t[i] = 0.5 * s;
      narrow += (t[i] < kNarrowT) & (a < kNarrowA);
    }
    if (narrow != 0) {
      for (std::size_t i = 0; i < size; ++i) beta[i] = time_value_narrow(h[i], t[i]);
    }
    if (narrow != static_cast<std::int64_t>(size)) {
      for (std::size_t i = 0; i < size; ++i) {
        const double wide = time_value_wide(h[i], t[i]);
        const bool is_narrow = (t[i] < kNarrowT) & (2.0 * h[i] * t[i] < kNarrowA);
        beta[i] = is_narrow ? beta[i] : wide;
      }
    }
    for (std::size_t i = 0; i < size; ++i) {
      const double gap = call[i] ? F[i] - K[i] : K[i] - F[i];
      const double value = vm::max(gap, 0.0) + vm::min(F[i], K[i]) * beta[i];
      const double sum = F[i] + K[i] + T[i] + v[i] + r[i];  // NaN where any is
      result[i] = sum == sum ? vm::exp(-r[i] * T[i]) * value : sum;
    }
    odd_rows += static_cast<std::size_t>(odd);
  }
  return odd_rows;
}

}  // namespace

extern const EuropeanKernels european;
const EuropeanKernels european = {price};

}  // namespace optix::OPTIX_ISA
