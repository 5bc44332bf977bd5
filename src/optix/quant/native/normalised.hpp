// The Black formula without units, for kernels: what price, Greeks and implied volatility share.
//
// With a = |ln(forward/strike)|, s = vol*sqrt(years), h = a/s and t = s/2 the undiscounted value of the
// out-of-the-money side is min(forward, strike)*beta, where with near = h - t and far = h + t
//
//   beta = phi(near) * w,   w = mills(near) - mills(far).
//
// Where t and a are small ("narrow") w is summed from its Taylor series in t, whose terms are all
// positive; elsewhere the difference loses no more than the rounding of the forward does.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vecmath.hpp"

namespace optix::OPTIX_ISA {

constexpr double kNarrowT = 0.25;
constexpr double kNarrowA = 4.0;

static inline bool is_narrow(double a, double t) { return (t < kNarrowT) & (a < kNarrowA); }

// How many rows of a block are narrow. Loops that count do only that, or GCC gives up on them.
static inline std::size_t count_narrow(const double* a, const double* t, std::size_t size) {
  std::int64_t count = 0;
  OPTIX_ROWS
  for (std::size_t i = 0; i < size; ++i) count += is_narrow(a[i], t[i]);
  return static_cast<std::size_t>(count);
}

// w/(2t), where `first` is 1 - h*mills(h): with q = (h*t)^2 and y = t^2 the terms follow
// T[k+1] = ((q + (4k+3)*y)*T[k] - y^2*T[k-1]) / ((2k+2)*(2k+3)), T[0] = first.
static inline double width_series(double h, double t, double first) {
  const double q = (h * t) * (h * t), y = t * t;
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

static inline double width_series(double h, double t) {
  return width_series(h, t, vm::mills_slope(h));
}

// What a distribution of the log price has above near and far, and the time value between them.
struct Tails {
  double beta;
  double above_near;  // Phi(-near)
  double above_far;   // Phi(-far)
};

// `bell` is phi(near), `ratio` is phi(far)/phi(near) = e^-a.
static inline Tails narrow_tails(double h, double t, double bell, double ratio) {
  // Far out, where the density is 0, the product of the two bottoms must not overflow.
  const double near_by = vm::min(h, 1e8);
  const vm::Fraction slope = vm::mills_slope_fraction(near_by), mills = vm::mills_fraction(near_by + t);
  const double inverse = 1.0 / (slope.bottom * mills.bottom);
  const double w = 2.0 * t * width_series(near_by, t, slope.top * mills.bottom * inverse);
  const double m_far = mills.top * slope.bottom * inverse;
  return {bell * w, bell * (m_far + w), bell * ratio * m_far};
}

static inline Tails wide_tails(double h, double t, double bell, double ratio) {
  const double near = h - t;
  const double m_near = vm::mills(vm::abs(near)), m_far = vm::mills(h + t);
  const double inner = bell * m_near, outer = bell * m_far;
  return {near >= 0.0 ? bell * (m_near - m_far) : 1.0 - (inner + outer),
          near >= 0.0 ? inner : 1.0 - inner, ratio * outer};
}

// beta of a block of rows. What a block does not have is not computed: a chain seldom mixes.
static inline void time_values_of(std::size_t size, const double* a, const double* h, const double* t,
                                  double* beta) {
  const std::size_t narrow = count_narrow(a, t, size);
  if (narrow != 0) {
    OPTIX_ROWS
    for (std::size_t i = 0; i < size; ++i) {
      beta[i] = 2.0 * t[i] * vm::norm_pdf(h[i] - t[i]) * width_series(h[i], t[i]);
    }
  }
  if (narrow != size) {
    OPTIX_ROWS
    for (std::size_t i = 0; i < size; ++i) {
      const double wide = wide_tails(h[i], t[i], vm::norm_pdf(h[i] - t[i]), 0.0).beta;
      beta[i] = is_narrow(a[i], t[i]) ? beta[i] : wide;
    }
  }
}

// The same with the tails. `bell` and `ratio` are those of narrow_tails.
struct TailColumns {
  double* beta;
  double* above_near;
  double* above_far;
};

static inline void tails_of(std::size_t size, const double* a, const double* h, const double* t,
                            const double* bell, const double* ratio, const TailColumns& out) {
  double *beta = out.beta, *above_near = out.above_near, *above_far = out.above_far;
  const std::size_t narrow = count_narrow(a, t, size);
  if (narrow != 0) {
    OPTIX_ROWS
    for (std::size_t i = 0; i < size; ++i) {
      const Tails tails = narrow_tails(h[i], t[i], bell[i], ratio[i]);
      beta[i] = tails.beta;
      above_near[i] = tails.above_near;
      above_far[i] = tails.above_far;
    }
  }
  if (narrow != size) {
    OPTIX_ROWS
    for (std::size_t i = 0; i < size; ++i) {
      const Tails tails = wide_tails(h[i], t[i], bell[i], ratio[i]);
      const bool keep = is_narrow(a[i], t[i]);
      beta[i] = keep ? beta[i] : tails.beta;
      above_near[i] = keep ? above_near[i] : tails.above_near;
      above_far[i] = keep ? above_far[i] : tails.above_far;
    }
  }
}

// 1 for calls, -1 for puts. In a loop of its own: bytes and doubles in one loop stop the vectoriser.
static inline void signs_of(const std::uint8_t* is_call, std::size_t size, double* sign) {
  OPTIX_ROWS
  for (std::size_t i = 0; i < size; ++i) sign[i] = 2.0 * static_cast<double>(is_call[i]) - 1.0;
}

// Rows whose numbers stay inside this range cannot overflow on the way; others go to the reference.
static inline bool is_plain_price(double value) { return (value >= 1e-70) & (value <= 1e70); }
static inline bool is_plain_time(double years, double rate) {
  return (years >= 1e-12) & (years <= 1e6) & (vm::abs(rate * years) <= 100.0);
}
static inline bool is_plain_vol(double vol) { return (vol >= 1e-9) & (vol <= 1e6); }

}  // namespace optix::OPTIX_ISA
