// European options on the forward, in blocks of rows; every loop is vectorised. See normalised.hpp.
#include "european.hpp"
#include "european_iv.inl"
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

std::size_t greeks(const EuropeanTerms& terms, std::size_t begin, std::size_t end, double* out,
                   std::size_t stride, bool* left) {
  std::size_t count = 0;
  for (std::size_t start = begin; start < end; start += kBlock) {
    const std::size_t size = smaller(end - start, kBlock);
    const double *S = terms.spot + start, *F = terms.forward + start, *K = terms.strike + start;
    const double *T = terms.years + start, *v = terms.vol + start, *r = terms.rate + start;
    double sign[kBlock], a[kBlock], h[kBlock], t[kBlock], bell[kBlock], ratio[kBlock];
    double beta[kBlock], above_near[kBlock], above_far[kBlock], growth[kBlock];
    signs_of(terms.is_call + start, size, sign);
    if (terms.carry != nullptr) {
      OPTIX_ROWS
      for (std::size_t i = 0; i < size; ++i) growth[i] = terms.carry[start + i] * T[i];
    } else {
      OPTIX_ROWS
      for (std::size_t i = 0; i < size; ++i) growth[i] = vm::log_ratio(F[i], S[i]);
    }
    std::int64_t odd = 0;
    OPTIX_ROWS
    for (std::size_t i = 0; i < size; ++i) {
      const bool plain = is_plain_price(S[i]) & is_plain_price(F[i]) & is_plain_price(K[i]) &
                         is_plain_time(T[i], r[i]) & is_plain_vol(v[i]);
      const double sum = S[i] + F[i] + K[i] + T[i] + v[i] + r[i];
      left[start + i] = (!plain) & (sum == sum);
      odd += left[start + i];
      const double s = v[i] * vm::sqrt(T[i]);
      a[i] = vm::abs(vm::log_ratio(F[i], K[i]));
      h[i] = a[i] / s;
      t[i] = 0.5 * s;
      bell[i] = vm::norm_pdf(h[i] - t[i]);
      ratio[i] = vm::min(F[i], K[i]) / vm::max(F[i], K[i]);
    }
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
    double* row = out + start;
    OPTIX_ROWS
    for (std::size_t i = 0; i < size; ++i) {
      const double root = vm::sqrt(T[i]), s = v[i] * root;
      const double inverse = 1.0 / (S[i] * s);
      const double per_spot = inverse * s, per_s = inverse * S[i];
      const double per_vol = per_s * root, per_root = per_s * v[i];
      const double per_year = per_root * per_root;
      const bool high = F[i] >= K[i];
      const double near = h[i] - t[i], far = h[i] + t[i];
      const double d1 = high ? far : -near, d2 = high ? near : -far;
      const double tail1 = high ? above_far[i] : above_near[i];
      const double tail2 = high ? above_near[i] : above_far[i];
      const bool inside = (high ? sign[i] : -sign[i]) > 0.0;
      const double n1 = inside ? 1.0 - tail1 : tail1, n2 = inside ? 1.0 - tail2 : tail2;
      const double low = vm::min(F[i], K[i]);
      const double discount = vm::exp(-r[i] * T[i]);
      const double slope = discount * low * bell[i];  // discounted forward * phi(d1)
      const double yield = r[i] - growth[i] * per_year;
      const double share = discount * F[i] * n1, cash = discount * K[i] * n2;
      const double sum = S[i] + F[i] + K[i] + T[i] + v[i] + r[i];
      const double known = sum == sum ? 1.0 : sum;

      const double delta = sign[i] * share * per_spot * known;
      const double gamma = slope * per_spot * per_spot * per_s * known;
      const double vega = slope * root * known;
      const double drift = 2.0 * growth[i] - d2 * s;
      const double gap = (F[i] - K[i]) * sign[i];
      row[kPrice * stride + i] = discount * (vm::max(gap, 0.0) + low * beta[i]) * known;
      row[kDelta * stride + i] = delta;
      row[kGamma * stride + i] = gamma;
      row[kTheta * stride + i] =
          (sign[i] * (yield * share - r[i] * cash) - 0.5 * slope * v[i] * per_root) * known;
      row[kVega * stride + i] = vega;
      row[kRho * stride + i] = sign[i] * T[i] * cash * known;
      row[kVanna * stride + i] = -slope * per_spot * d2 * per_vol * known;
      row[kCharm * stride + i] = yield * delta - 0.5 * slope * per_spot * per_s * per_year * drift;
      row[kVomma * stride + i] = vega * d1 * d2 * per_vol;
      row[kSpeed * stride + i] = -gamma * per_spot * (d1 * per_s + 1.0);
      row[kZomma * stride + i] = gamma * (d1 * d2 - 1.0) * per_vol;
      row[kColor * stride + i] = gamma * (yield + 0.5 * per_year * (1.0 + d1 * drift * per_s));
    }
    count += static_cast<std::size_t>(odd);
  }
  return count;
}

}  // namespace

extern const EuropeanKernels european;
const EuropeanKernels european = {price, greeks, implied_vol};

}  // namespace optix::OPTIX_ISA
