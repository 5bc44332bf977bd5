// European options on the forward, in blocks of rows; every loop is vectorised. See normalised.hpp.
#include "european.hpp"
#include "european_iv.inl"
#include "greeks.hpp"
#include "normalised.hpp"

namespace optix::OPTIX_ISA {
namespace {

constexpr std::size_t kBlock = 64;

static inline std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }

std::size_t price(const EuropeanTerms& terms, std::size_t begin, std::size_t end, double* out,
                  bool* left) {
  std::size_t count = 0;
  for (std::size_t start = begin; start < end; start += kBlock) {
    const std::size_t size = smaller(end - start, kBlock);
    const double *F = terms.forward + start, *K = terms.strike + start, *T = terms.years + start;
    const double *v = terms.vol + start, *r = terms.rate + start;
    double sign[kBlock], a[kBlock], h[kBlock], t[kBlock], beta[kBlock];
    signs_of(terms.is_call + start, size, sign);
    std::int64_t odd = 0;
    OPTIX_ROWS
    for (std::size_t i = 0; i < size; ++i) {
      const bool plain = is_plain_price(F[i]) & is_plain_price(K[i]) & is_plain_time(T[i], r[i]) &
                         is_plain_vol(v[i]);
      const double sum = F[i] + K[i] + T[i] + v[i] + r[i];
      left[start + i] = (!plain) & (sum == sum);
      odd += left[start + i];
      const double s = v[i] * vm::sqrt(T[i]);
      a[i] = vm::abs(vm::log_ratio(F[i], K[i]));
      h[i] = a[i] / s;
      t[i] = 0.5 * s;
    }
    time_values_of(size, a, h, t, beta);
    OPTIX_ROWS
    for (std::size_t i = 0; i < size; ++i) {
      const double gap = (F[i] - K[i]) * sign[i];
      const double value = vm::max(gap, 0.0) + vm::min(F[i], K[i]) * beta[i];
      const double sum = F[i] + K[i] + T[i] + v[i] + r[i];  // NaN where any is
      out[start + i] = sum == sum ? vm::exp(-r[i] * T[i]) * value : sum;
    }
    count += static_cast<std::size_t>(odd);
  }
  return count;
}

// What a block of options is made of before the outputs.
struct GreekBlock {
  double sign[kBlock], growth[kBlock], yield[kBlock], given[kBlock], x[kBlock], gap[kBlock];
  double a[kBlock], h[kBlock], t[kBlock], root[kBlock], per_s[kBlock], per_spot[kBlock];
  double bell[kBlock], ratio[kBlock], beta[kBlock], above_near[kBlock], above_far[kBlock];
};

// The distance to the money: where the yield is known, free of the rounding of the forward.
static void measure_distance(const EuropeanTerms& terms, std::size_t start, std::size_t size,
                             GreekBlock& b) {
  const double *S = terms.spot + start, *F = terms.forward + start, *K = terms.strike + start;
  const double *T = terms.years + start, *r = terms.rate + start;
  if (terms.yield != nullptr) {
    const double* q = terms.yield + start;
    OPTIX_ROWS
    for (std::size_t i = 0; i < size; ++i) {
      b.given[i] = b.yield[i] = q[i];
      b.growth[i] = (r[i] - q[i]) * T[i];
      b.x[i] = vm::log_ratio(S[i], K[i]) + b.growth[i];
      b.gap[i] = vm::min(F[i], K[i]) * vm::expm1(vm::abs(b.x[i]));
    }
  } else {
    OPTIX_ROWS
    for (std::size_t i = 0; i < size; ++i) {
      b.given[i] = 0.0;
      b.growth[i] = vm::log_ratio(F[i], S[i]);
      b.yield[i] = r[i] - b.growth[i] / (T[i] > 0.0 ? T[i] : 1.0);
      b.x[i] = vm::log_ratio(F[i], K[i]);
      b.gap[i] = vm::abs(F[i] - K[i]);
    }
  }
}

static std::size_t measure_width(const EuropeanTerms& terms, std::size_t start, std::size_t size,
                                 GreekBlock& b, bool* left) {
  const double *S = terms.spot + start, *F = terms.forward + start, *K = terms.strike + start;
  const double *T = terms.years + start, *v = terms.vol + start, *r = terms.rate + start;
  std::int64_t odd = 0;
  OPTIX_ROWS
  for (std::size_t i = 0; i < size; ++i) {
    const bool plain = is_plain_price(S[i]) & is_plain_price(F[i]) & is_plain_price(K[i]) &
                       is_plain_time(T[i], r[i]) & is_plain_vol(v[i]) &
                       (vm::abs(b.growth[i]) <= 700.0);
    const double sum = S[i] + F[i] + K[i] + T[i] + v[i] + r[i] + b.given[i];
    left[start + i] = (!plain) & (sum == sum);
    odd += left[start + i];
    b.root[i] = vm::sqrt(T[i]);
    const double s = v[i] * b.root[i], high = vm::max(F[i], K[i]);
    // One division for three.
    const double inverse = 1.0 / (S[i] * s * high);
    b.per_s[i] = S[i] * high * inverse;
    b.per_spot[i] = s * high * inverse;
    b.ratio[i] = vm::min(F[i], K[i]) * (S[i] * s * inverse);
    b.a[i] = vm::abs(b.x[i]);
    b.h[i] = b.a[i] * b.per_s[i];
    b.t[i] = 0.5 * s;
    b.bell[i] = vm::norm_pdf(b.h[i] - b.t[i]);
  }
  return static_cast<std::size_t>(odd);
}

static void write_outputs(const EuropeanTerms& terms, std::size_t start, std::size_t size,
                          const GreekBlock& b, double* row, std::size_t stride) {
  const double *S = terms.spot + start, *F = terms.forward + start, *K = terms.strike + start;
  const double *T = terms.years + start, *v = terms.vol + start, *r = terms.rate + start;
  OPTIX_ROWS
  for (std::size_t i = 0; i < size; ++i) {
    const double sum = S[i] + F[i] + K[i] + T[i] + v[i] + r[i] + b.given[i];  // NaN where any is
    const double discount = vm::exp(-r[i] * T[i]);
    const Outputs o = outputs_of({F[i], K[i], T[i], v[i], r[i], b.yield[i], b.sign[i],
                                  sum == sum ? discount : sum, b.root[i], b.per_s[i], b.per_spot[i],
                                  b.growth[i], b.x[i], b.gap[i], b.h[i], b.t[i], b.bell[i],
                                  {b.beta[i], b.above_near[i], b.above_far[i]}});
    row[kPrice * stride + i] = o.price;
    row[kDelta * stride + i] = o.delta;
    row[kGamma * stride + i] = o.gamma;
    row[kTheta * stride + i] = o.theta;
    row[kVega * stride + i] = o.vega;
    row[kRho * stride + i] = o.rho;
    row[kVanna * stride + i] = o.vanna;
    row[kCharm * stride + i] = o.charm;
    row[kVomma * stride + i] = o.vomma;
    row[kSpeed * stride + i] = o.speed;
    row[kZomma * stride + i] = o.zomma;
    row[kColor * stride + i] = o.color;
  }
}

std::size_t greeks(const EuropeanTerms& terms, std::size_t begin, std::size_t end, double* out,
                   std::size_t stride, bool* left) {
  std::size_t count = 0;
  GreekBlock b;
  for (std::size_t start = begin; start < end; start += kBlock) {
    const std::size_t size = smaller(end - start, kBlock);
    signs_of(terms.is_call + start, size, b.sign);
    measure_distance(terms, start, size, b);
    count += measure_width(terms, start, size, b, left);
    tails_of(size, b.a, b.h, b.t, b.bell, b.ratio, {b.beta, b.above_near, b.above_far});
    write_outputs(terms, start, size, b, out + start, stride);
  }
  return count;
}

}  // namespace

extern const EuropeanKernels european;
const EuropeanKernels european = {price, greeks, implied_vol};

}  // namespace optix::OPTIX_ISA
